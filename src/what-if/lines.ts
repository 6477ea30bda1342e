import { labelled } from '../explain/lines.ts';
import type { Line } from '../forms/walk.ts';
import type { ExpectationChange } from '../forms/what-if.ts';
import { formatRef } from '../model/object.ts';
import { firstFew } from '../model/text.ts';
import type { Conflict } from '../plan/claims.ts';
import type { WhatIf } from './answer.ts';
import type { Connections } from './connections.ts';
import { type Told, toldChanges } from './told.ts';

const COLUMN = 10;
const NODES_SHOWN = 5;

/** Lines of at most 80 characters. */
export function describeWhatIf(whatIf: WhatIf): Line[] {
  const { changes, nodes, claims, unknown, expectations, connections } = whatIf;
  const lines: Line[] = [];
  const where = nodes.length === 1 ? `on node ${nodes[0]}` : `on any of ${nodes.length} nodes`;
  if (changes.length === 0) {
    lines.push(
      ...labelled('', 0, `Nothing changes: every packet has the same fate as before, ${where}.`, 'good'),
    );
  }
  for (const [index, { object, lines: told }] of toldChanges(changes, nodes).entries()) {
    if (index > 0) lines.push([]);
    lines.push([{ text: object === '' ? 'No object' : object, tone: 'strong' }]);
    for (const line of told) lines.push(...toldLines(line));
  }
  if (claims.length > 0) lines.push([], [{ text: 'Claims', tone: 'strong' }]);
  for (const { key, before, after } of claims) {
    lines.push(...labelled('', 2, key));
    lines.push(...labelled('    before', COLUMN + 2, claimText(before)));
    lines.push(...labelled('    after', COLUMN + 2, claimText(after), 'strong'));
  }
  if (connections !== null) lines.push(...connectionLines(connections));
  lines.push(...expectationLines(expectations ?? []));
  for (const [index, { reason }] of unknown.entries()) {
    if (index === 0) lines.push([], [{ text: 'Not in these lines', tone: 'strong' }]);
    lines.push(...labelled('  - ', 4, reason, 'dim'));
  }
  return lines;
}

function connectionLines({ count, busiest }: Connections): Line[] {
  const title = count === 1 ? '1 existing connection' : `${count} existing connections`;
  const lines: Line[] = [
    [],
    [{ text: `${title} of these packets, with the former translation`, tone: 'strong' }],
  ];
  for (const { protocol, source, destination, from, to, bytes, object } of busiest) {
    const names = from === null && to === null ? '' : ` (${from ?? source} to ${to ?? destination})`;
    const size = bytes === null ? '' : `, ${bytes} bytes`;
    const of = object === null ? '' : `: ${object}`;
    lines.push(...labelled('  - ', 4, `${protocol} ${source} → ${destination}${names}${size}${of}`));
  }
  if (count > busiest.length) lines.push(...labelled('  - ', 4, `and ${count - busiest.length} more`, 'dim'));
  return lines;
}

function expectationLines(expectations: readonly ExpectationChange[]): Line[] {
  if (expectations.length === 0) return [];
  const broken = expectations.filter(({ breaks }) => breaks);
  const others = expectations.filter(({ breaks, after }) => !breaks && after !== 'met').length;
  const kept = others === 0 ? 'every other one is met' : `${others} are not met before either`;
  const lines: Line[] = [
    [],
    [{ text: `Expectations: ${broken.length} of ${expectations.length} break, ${kept}`, tone: 'strong' }],
  ];
  for (const { name, origin, reason } of broken) {
    lines.push(...labelled('', 2, name, 'bad'), ...labelled('', 4, `${origin}: ${reason}`));
  }
  return lines;
}

function toldLines({ from, to, ports, difference, nodes }: Told): Line[] {
  const on = nodes.length === 0 ? '' : ` (on ${firstFew(nodes, NODES_SHOWN)})`;
  return [
    ...labelled('', 2, `from ${from}`),
    ...labelled('', 2, `to ${to}, ${ports}${on}`),
    ...labelled('    before', COLUMN + 2, difference.before),
    ...labelled('    after', COLUMN + 2, difference.after, 'strong'),
  ];
}

export function claimText(conflict: Conflict | null): string {
  if (conflict === null) return 'at most one object wants it';
  const { winner, losers, because } = conflict;
  return `${formatRef(winner)} has it, ${losers.map(formatRef).join(', ')} not: ${because}`;
}
