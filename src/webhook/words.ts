import { grouped } from '../base/collect.ts';
import type { ToldPackets } from '../forms/what-if.ts';
import { claimText } from '../what-if/lines.ts';
import { EVERYTHING, summaryOf } from '../what-if/summary.ts';
import type { AlikeNodes, Broken, Effect } from './effect.ts';

/** The API server cuts longer warnings if all together have more than 4096 (`warning.go` of k8s.io/apiserver). */
export const WARNING_LENGTH = 256;

/** Warnings about packets; what is left out is counted in one more. */
export const WARNINGS_MOST = 6;

const NODES_NAMED = 3;
const BROKEN_NAMED = 5;
/** Characters of a denial for each expectation. */
const REASON_LENGTH = 300;

/** The annotation with which a change is made nevertheless: names of expectations with `;` between them, or `*`. */
export const MAY_BREAK = 'knat.dev/may-break';

/** What the change does, in lines that the API server does not cut; empty: nothing. */
export function effectWarnings(effect: Effect): string[] {
  const { alike, nodeCount, unseenNodes, unjudged } = effect;
  const nodesOf = new Map<string, string[]>();
  for (const group of alike) {
    for (const line of linesOf(group)) nodesOf.set(line, [...(nodesOf.get(line) ?? []), ...group.nodes]);
  }
  const lines = [...nodesOf].map(([line, nodes]) => cut(`knat: ${nodesText(nodes, nodeCount)}: ${line}`));
  const warnings = lines.slice(0, WARNINGS_MOST);
  const rest = lines.length - warnings.length;
  if (rest > 0) warnings.push(`knat: and ${rest} more; knat what-if --all-nodes lists every packet`);
  if (unseenNodes > 0) {
    warnings.push(`knat: ${unseenNodes} of ${nodeCount} nodes were not looked at: the time was over`);
  }
  if (unjudged > 0) {
    warnings.push(`knat: ${unjudged} protected expectations were not judged: the time was over`);
  }
  return warnings;
}

/** Why the change is refused, and what can be done. */
export function denialText(broken: readonly Broken[]): string {
  const named = broken.slice(0, BROKEN_NAMED).map(({ expectation, node, verdict }) => {
    return cut(
      `"${verdict.name}" (${expectation.origin}, node ${node}): ${reasonText(verdict)}`,
      REASON_LENGTH,
    );
  });
  const rest = broken.length - named.length;
  const more = rest > 0 ? `; and ${rest} more` : '';
  const first = broken[0]?.verdict.name ?? '';
  const what =
    broken.length === 1
      ? 'this breaks a protected expectation'
      : `this breaks ${broken.length} protected expectations`;
  return `${what}: ${named.join('; ')}${more}. To make the change nevertheless, give the object the annotation ${MAY_BREAK}: "${first}"`;
}

function reasonText({ error, mismatches }: Broken['verdict']): string {
  if (error !== null) return error;
  return mismatches
    .map(({ field, expected, actual }) => `${field} expected ${expected}, would be ${actual}`)
    .join('; ');
}

/** Packets that reach endpoints first: who changes a Service means these. */
function linesOf({ whatIf, nodes, own }: AlikeNodes): string[] {
  const told = summaryOf(whatIf, EVERYTHING)
    .objects.flatMap(({ object, lines }) => mainLines(lines).map((line) => ({ ...line, object })))
    .sort((a, b) => rankOf(a) - rankOf(b))
    .map((line) => (nodes.length > 1 ? withoutAddresses(toldText(line), own) : toldText(line)));
  const claims = whatIf.claims.map(({ key, after }) => `${key}: ${claimText(after)}`);
  const beside = whatIf.unknown
    .filter(({ reason }) => reason.includes(': before '))
    .map(({ reason }) => reason);
  return [...told, ...claims, ...beside];
}

interface MainLine extends ToldPackets {
  /** Further lines for the same destination, of other senders: a pod that meets itself has one of its own. */
  readonly others: number;
}

/** Of the lines to one destination that of most senders, which names them as `all` or as `all except …`. */
function mainLines(lines: readonly ToldPackets[]): MainLine[] {
  const alike = grouped(lines, ({ to, ports }) => `${to}, ${ports}`);
  return [...alike.values()].map((same) => {
    const main = same.find(({ from }) => from.startsWith('all')) ?? (same[0] as ToldPackets);
    return { ...main, others: same.length - 1 };
  });
}

function rankOf({ before, after }: ToldPackets): number {
  return before.startsWith('to ') || after.startsWith('to ') ? 0 : 1;
}

function toldText({
  object,
  from,
  to,
  ports,
  before,
  after,
  others,
}: MainLine & { readonly object: string | null }) {
  const about = object === null ? '' : `${object}, `;
  const sender = from === 'all' ? '' : `from ${from} `;
  const rest = others === 0 ? '' : ' (some senders otherwise)';
  const what = `${about}${sender}to ${to === 'all' ? 'all addresses' : to}, ${ports}`;
  return `${what}${rest}: before ${before}; after ${after}`;
}

/** The line of the first of several nodes holds for all of them with their own addresses. */
function withoutAddresses(text: string, own: readonly string[]): string {
  return text.replace(/[\d.:a-f]+/g, (word) => {
    const address = own.find((each) => word === each || word === `${each},`);
    return address === undefined ? word : `the node's address${word.slice(address.length)}`;
  });
}

function nodesText(nodes: readonly string[], count: number): string {
  if (nodes.length === count && count > 1) return `on all ${count} nodes`;
  if (nodes.length <= NODES_NAMED)
    return `on ${nodes.length === 1 ? 'node' : 'nodes'} ${[...nodes].sort().join(', ')}`;
  return `on ${nodes.length} of ${count} nodes`;
}

/** Counts characters as the API server does, not the units of UTF-16. */
export function cut(text: string, length = WARNING_LENGTH): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
