import { grouped } from '../base/collect.ts';
import { type Cell, compareCells, mergedCells } from './cell.ts';
import type { PacketChange } from './classes.ts';
import type { Both } from './sides.ts';
import { addressesText, differenceText, portsText, senderText } from './words.ts';

/** One line for people: packets with the same difference. */
export interface Told {
  readonly from: string;
  readonly to: string;
  readonly ports: string;
  readonly difference: Both<string>;
  /** Why, on both sides; of several classes the first. */
  readonly because: Both<string>;
  /** Empty: on every node that was asked for. */
  readonly nodes: readonly string[];
}

export interface ToldObject {
  /** `Service shop/web`; empty: no object. */
  readonly object: string;
  readonly lines: readonly Told[];
}

/** By object. Classes that differ only in what stays the same, such as a source that is rewritten anyway, become one. */
export function toldChanges(changes: readonly PacketChange[], nodes: readonly string[]): ToldObject[] {
  const objects = grouped(changes, ({ object }) => object);
  return [...objects].map(([object, ofObject]) => {
    const perNode = [...grouped(ofObject, ({ node }) => node).values()].flatMap(toldOfNode);
    const alike = grouped(perNode, ({ nodes: _, because: __, ...line }) => JSON.stringify(line));
    const lines = [...alike.values()].map((same) => {
      const on = same.flatMap((line) => line.nodes);
      return { ...(same[0] as Told), nodes: on.length === nodes.length ? [] : on };
    });
    return { object, lines };
  });
}

function toldOfNode(changes: readonly PacketChange[]): Told[] {
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
  return [...mergedCells(cells)].sort(compareCells).flatMap((cell) => {
    const known = firsts[cell.outcome.key];
    if (known === undefined) return [];
    const { change, difference } = known;
    const { because } = change.cell.outcome;
    return [
      {
        from: `${addressesText(cell.sources)}${senderText(cell, change.interfaces)}`,
        to: addressesText(cell.destinations),
        ports: portsText(cell),
        difference,
        because: { before: because.before.text, after: because.after.text },
        nodes: [change.node],
      },
    ];
  });
}
