import { grouped } from '../base/collect.ts';
import type { ExpectationChange, ToldObject, ToldPackets, WhatIfSummary } from '../forms/what-if.ts';
import type { WhatIf } from './answer.ts';
import { type Cell, compareCells, mergedCells } from './cell.ts';
import type { PacketChange } from './classes.ts';
import { examplePacket } from './example.ts';
import type { Both } from './sides.ts';
import { addressesText, differenceText, portsText, senderText } from './words.ts';

/** How much a summary has of everything; the rest is counted. */
export interface SummaryLimits {
  readonly objects: number;
  readonly linesOfObject: number;
  readonly others: number;
}

/** As much as fits into a comment of a merge request, and as a person reads. */
export const FOR_READERS: SummaryLimits = { objects: 50, linesOfObject: 20, others: 20 };
export const EVERYTHING: SummaryLimits = {
  objects: Number.POSITIVE_INFINITY,
  linesOfObject: Number.POSITIVE_INFINITY,
  others: Number.POSITIVE_INFINITY,
};

/** The answer by object, in the words of people. Costs what it shows, beside one look at each class. */
export function summaryOf(whatIf: WhatIf, limits: SummaryLimits): WhatIfSummary {
  const { nodes, changes, claims, unknown, expectations, connections } = whatIf;
  const objects = [...grouped(changes, ({ object }) => object)];
  return {
    nodes,
    objects: objects
      .slice(0, limits.objects)
      .map(([object, ofObject]) => toldObject(object, ofObject, nodes, limits.linesOfObject)),
    more: Math.max(0, objects.length - limits.objects),
    claims: claims.slice(0, limits.others),
    moreClaims: Math.max(0, claims.length - limits.others),
    expectations: expectations === null ? null : toldExpectations(expectations, limits.others),
    connections: connections === null ? null : { count: connections.count, busiest: connections.busiest },
    unknown: unknown.slice(0, limits.others),
    moreUnknown: Math.max(0, unknown.length - limits.others),
  };
}

function toldExpectations(expectations: readonly ExpectationChange[], most: number) {
  const broken = expectations.filter(({ breaks }) => breaks);
  return {
    count: expectations.length,
    broken: broken.slice(0, most),
    moreBroken: Math.max(0, broken.length - most),
    unmetBefore: expectations.filter(({ breaks, after }) => !breaks && after !== 'met').length,
  };
}

/** Classes that differ only in what stays the same, such as a source that is rewritten anyway, become one line. */
function toldObject(
  object: string,
  changes: readonly PacketChange[],
  nodes: readonly string[],
  most: number,
): ToldObject {
  const perNode = [...grouped(changes, ({ node }) => node).values()].flatMap(toldOfNode);
  const alike = [...grouped(perNode, ({ nodes: _, because: __, ...line }) => JSON.stringify(line)).values()];
  const lines = alike.slice(0, most).map((same) => {
    const on = same.flatMap((line) => line.nodes);
    return { ...(same[0] as ToldPackets), nodes: on.length === nodes.length ? [] : on };
  });
  return { object: object === '' ? null : object, lines, more: alike.length - lines.length };
}

function toldOfNode(changes: readonly PacketChange[]): ToldPackets[] {
  const numbers = new Map<string, number>();
  const firsts: { readonly change: PacketChange; readonly difference: Both<string> }[] = [];
  const cells = changes.map((change): Cell => {
    const { cell } = change;
    const difference = differenceText(cell.outcome, cell.ports);
    const text = JSON.stringify([cell.sources.family, difference]);
    const key = numbers.get(text) ?? firsts.push({ change, difference }) - 1;
    numbers.set(text, key);
    return { ...cell, outcome: { ...cell.outcome, key } };
  });
  return [...mergedCells(cells)].sort(compareCells).flatMap((cell): ToldPackets[] => {
    const known = firsts[cell.outcome.key];
    if (known === undefined) return [];
    const { change, difference } = known;
    const { because } = change.cell.outcome;
    return [
      {
        from: `${addressesText(cell.sources)}${senderText(cell, change.interfaces)}`,
        to: addressesText(cell.destinations),
        ports: portsText(cell),
        ...difference,
        because: { before: because.before.text, after: because.after.text },
        nodes: [change.node],
        example: examplePacket(cell),
      },
    ];
  });
}
