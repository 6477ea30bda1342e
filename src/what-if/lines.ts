import { labelled } from '../explain/lines.ts';
import type { Line } from '../forms/walk.ts';
import type { ToldObject, ToldPackets, WhatIfSummary } from '../forms/what-if.ts';
import { formatRef } from '../model/object.ts';
import { firstFew } from '../model/text.ts';
import type { Conflict } from '../plan/claims.ts';

const COLUMN = 10;
const NODES_SHOWN = 5;

/**
 * Lines of at most 80 characters.
 * @param howToSeeAll how the reader gets what is left out, to end a sentence
 */
export function describeWhatIf(summary: WhatIfSummary, howToSeeAll: string): Line[] {
  const { objects, more, nodes, claims, moreClaims, unknown, moreUnknown, expectations, connections } =
    summary;
  const lines: Line[] = [];
  const where = nodes.length === 1 ? `on node ${nodes[0]}` : `on any of ${nodes.length} nodes`;
  const leftOut = (count: number, what: string, indent: number) => {
    if (count === 0) return;
    const text = `and ${count} more ${what}${count === 1 ? '' : 's'}: ${howToSeeAll}`;
    lines.push(...labelled('', indent, text, 'dim'));
  };
  if (objects.length === 0) {
    lines.push(
      ...labelled('', 0, `Nothing changes: every packet has the same fate as before, ${where}.`, 'good'),
    );
  }
  for (const [index, object] of objects.entries()) {
    if (index > 0) lines.push([]);
    lines.push([{ text: titleOf(object), tone: 'strong' }]);
    for (const line of object.lines) lines.push(...toldLines(line));
    leftOut(object.more, 'line', 2);
  }
  if (more > 0) lines.push([]);
  leftOut(more, 'object', 0);
  if (claims.length > 0) lines.push([], [{ text: 'Claims', tone: 'strong' }]);
  for (const { key, before, after } of claims) {
    lines.push(...labelled('', 2, key));
    lines.push(...labelled('    before', COLUMN + 2, claimText(before)));
    lines.push(...labelled('    after', COLUMN + 2, claimText(after), 'strong'));
  }
  leftOut(moreClaims, 'claim', 2);
  if (connections !== null) lines.push(...connectionLines(connections));
  lines.push(...expectationLines(expectations));
  leftOut(expectations?.moreBroken ?? 0, 'broken expectation', 2);
  for (const [index, { reason }] of unknown.entries()) {
    if (index === 0) lines.push([], [{ text: 'Not in these lines', tone: 'strong' }]);
    lines.push(...labelled('  - ', 4, reason, 'dim'));
  }
  leftOut(moreUnknown, 'note', 2);
  return lines;
}

/** A heading for the packets of an object. */
export function titleOf({ object }: Pick<ToldObject, 'object'>): string {
  return object ?? 'No object';
}

function connectionLines({ count, busiest }: NonNullable<WhatIfSummary['connections']>): Line[] {
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

function expectationLines(expectations: WhatIfSummary['expectations']): Line[] {
  if (expectations === null || expectations.count === 0) return [];
  const { count, broken, moreBroken, unmetBefore } = expectations;
  const kept = unmetBefore === 0 ? 'every other one is met' : `${unmetBefore} are not met before either`;
  const title = `Expectations: ${broken.length + moreBroken} of ${count} break, ${kept}`;
  const lines: Line[] = [[], [{ text: title, tone: 'strong' }]];
  for (const { name, origin, reason } of broken) {
    lines.push(...labelled('', 2, name, 'bad'), ...labelled('', 4, `${origin}: ${reason}`));
  }
  return lines;
}

/** The packets of an object. */
export function toldLines({ from, to, ports, before, after, nodes }: ToldPackets): Line[] {
  const on = nodes.length === 0 ? '' : ` (on ${firstFew(nodes, NODES_SHOWN)})`;
  return [
    ...labelled('', 2, `from ${from}`),
    ...labelled('', 2, `to ${to}, ${ports}${on}`),
    ...labelled('    before', COLUMN + 2, before),
    ...labelled('    after', COLUMN + 2, after, 'strong'),
  ];
}

export function claimText(conflict: Conflict | null): string {
  if (conflict === null) return 'at most one object wants it';
  const { winner, losers, because } = conflict;
  return `${formatRef(winner)} has it, ${losers.map(formatRef).join(', ')} not: ${because}`;
}
