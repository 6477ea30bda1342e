import type { PacketClass } from '../forms/what-if.ts';
import { compareText } from '../model/text.ts';
import type { Family } from '../net/family.ts';
import { formatSpan, type PortSpan } from '../net/port.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressSet, formatBlocks } from '../net/ranges.ts';
import { type Cell, compareCells } from './cell.ts';
import type { Comparison } from './comparison.ts';
import type { InterfaceKind } from './interfaces.ts';
import { MOST_CLASSES } from './limit.ts';
import type { Outcome } from './outcome.ts';
import { EVERY_PORT } from './partition.ts';
import { changedCells } from './search.ts';
import { EVERY_SOURCE_PORT } from './source-ports.ts';

const LAST: Readonly<Record<Family, bigint>> = { IPv4: (1n << 32n) - 1n, IPv6: (1n << 128n) - 1n };

/** Packets with one fate before and one after, and the object that the change is shown under. */
export interface PacketChange {
  readonly node: string;
  /** Empty: no object. */
  readonly object: string;
  readonly cell: Cell;
  readonly interfaces: readonly InterfaceKind[];
}

/** By object. A binding of several ports is one change, and the ports of its endpoints are those of its first port. */
export function packetChanges(comparison: Comparison, most = MOST_CLASSES): PacketChange[] {
  const changes = changedCells(comparison, most).flatMap((family) =>
    family.cells.map((cell): PacketChange => {
      const { nodeName: node } = comparison;
      return { node, object: objectOf(cell.outcome), cell, interfaces: family.interfaces };
    }),
  );
  return changes.sort((a, b) => compareText(a.object, b.object) || compareCells(a.cell, b.cell));
}

/** The object behind the difference: that of the destination if that is what differs, otherwise that of the source. */
function objectOf({ before, after, because }: Outcome): string {
  const pick = (part: 'destination' | 'source') => because.after[part] ?? because.before[part];
  const isSameWay = before.verdict === after.verdict && isSameList(before.endpoints, after.endpoints);
  const isSourceAlone =
    isSameWay || [before, after].every(({ verdict }) => verdict === 'none' || verdict === 'snat');
  const [first, second] = isSourceAlone
    ? (['source', 'destination'] as const)
    : (['destination', 'source'] as const);
  return pick(first) ?? pick(second) ?? '';
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, index) => text === b[index]));
}

/** The class as JSON has it. Made when it is written: most of a large answer are such lists. */
export function classOf({ cell, interfaces, node }: PacketChange): PacketClass {
  const sources = isWhole(cell.sources) ? null : formatBlocks(cell.sources);
  const destinations = isWhole(cell.destinations) ? null : formatBlocks(cell.destinations);
  const isEveryProtocol = cell.protocols === (1 << PROTOCOLS.length) - 1;
  const named = interfaces.filter(({ bit }) => (cell.interfaces & bit) !== 0);
  return {
    node,
    // With both null, the class would be of both families.
    sources: sources ?? (destinations === null ? formatBlocks(cell.sources) : null),
    destinations,
    protocols: isEveryProtocol ? null : PROTOCOLS.filter((_, index) => (cell.protocols & (1 << index)) !== 0),
    ports: isSame(cell.ports, EVERY_PORT) ? null : cell.ports.map(formatSpan),
    ...(named.length === interfaces.length ? {} : { interfaces: named.map(({ text }) => text) }),
    ...(isSame(cell.sourcePorts, EVERY_SOURCE_PORT) ? {} : { sourcePorts: cell.sourcePorts.map(formatSpan) }),
  };
}

function isWhole({ family, ranges: [range, second] }: AddressSet): boolean {
  return second === undefined && range?.first === 0n && range.last === LAST[family];
}

function isSame(spans: readonly PortSpan[], others: readonly PortSpan[]): boolean {
  return (
    spans.length === others.length &&
    spans.every(({ first, last }, index) => first === others[index]?.first && last === others[index]?.last)
  );
}
