import { joinedRows } from '../base/collect.ts';
import type { EgressDestination } from '../model/egress-rule.ts';
import { deepEqual } from '../model/equal.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import { prefixRange } from '../net/prefix.ts';
import { PROTOCOLS, type Protocol, protocolNumber } from '../net/protocol.ts';
import { type AddressRange, type AddressSet, differenceOf, intersectionOf, unionOf } from '../net/ranges.ts';
import type { EgressCell, EgressChoice, EgressOutcome } from './entry.ts';

/** One destination of a choice, in numbers. */
interface Box {
  readonly destinations: AddressRange;
  readonly protocol: Protocol | null;
  readonly ports: PortSpan | null;
  readonly outcome: EgressOutcome;
}

/** Spans of ports, each with its outcome; null: no rule decides. */
type PortRow = readonly (PortSpan & { readonly outcome: EgressOutcome | null })[];

const ALL_PORTS: PortSpan = { first: 0, last: 65535 };

/** The protocols with ports, and the gaps between them, in order. */
const PROTOCOL_CLASSES: readonly (PortSpan & { readonly protocol: Protocol | null })[] = protocolClasses();

/**
 * Turns ordered choices into cells that do not overlap, since maps of the kernel have no order. A choice without
 * destinations covers everything that is not exempt, so later choices only affect exempt destinations.
 */
export function cellsOf(
  family: Family,
  choices: readonly EgressChoice[],
  exempt: AddressSet,
): { readonly cells: readonly EgressCell[]; readonly rest: EgressOutcome | null } {
  const boxes: Box[] = [];
  let rest: EgressOutcome | null = null;
  for (const { to, outcome } of choices) {
    if (to === null) {
      rest ??= outcome;
      continue;
    }
    for (const destination of to)
      boxes.push(...boxesOf(family, destination, outcome, rest === null ? null : exempt));
  }
  return { cells: boxes.length === 0 ? [] : disjoint(family, boxes), rest };
}

function boxesOf(
  family: Family,
  { cidr, protocol, ports }: EgressDestination,
  outcome: EgressOutcome,
  within: AddressSet | null,
): Box[] {
  if (cidr.family !== family) return [];
  const whole = unionOf(family, [prefixRange(cidr)]);
  const { ranges } = within === null ? whole : intersectionOf(whole, within);
  return ranges.map((destinations) => ({ destinations, protocol, ports, outcome }));
}

/** The first box that contains a packet decides. */
function disjoint(family: Family, boxes: readonly Box[]): EgressCell[] {
  const destinations = boxes.map((box) => box.destinations);
  const cells = pieces(family, destinations).map(({ first, last }) => {
    const here = boxes.filter((box) => box.destinations.first <= first && last <= box.destinations.last);
    const rows = PROTOCOL_CLASSES.map(({ protocol, ...protocols }) => ({
      ...protocols,
      ports: portRow(here.filter((box) => box.protocol === null || box.protocol === protocol)),
    }));
    return { first, last, rows };
  });
  const isAlike = (cell: (typeof cells)[number], next: (typeof cells)[number]) =>
    cell.last + 1n === next.first && deepEqual(cell.rows, next.rows);
  return joinedRows(cells, isAlike).flatMap(({ rows, ...range }) =>
    joinedRows(rows, (row, next) => deepEqual(row.ports, next.ports)).flatMap(({ ports, ...protocols }) =>
      ports.flatMap(({ outcome, ...span }) =>
        outcome === null ? [] : [{ destinations: range, protocols, ports: span, outcome }],
      ),
    ),
  );
}

/** The union of the ranges, cut wherever one of them begins or ends. */
export function pieces(family: Family, ranges: readonly AddressRange[]): AddressRange[] {
  const starts = new Set(ranges.flatMap(({ first, last }) => [first, last + 1n]));
  const cuts = [...starts].sort((a, b) => (a < b ? -1 : 1));
  const all = cuts.slice(0, -1).map((first, index) => ({ first, last: (cuts[index + 1] ?? first) - 1n }));
  const gaps = differenceOf({ family, ranges: unionOf(family, all).ranges }, unionOf(family, ranges)).ranges;
  return all.filter(({ first }) => !gaps.some((gap) => gap.first <= first && first <= gap.last));
}

/** The outcome for each port from 0 to 65535; neighbours differ. */
function portRow(boxes: readonly Box[]): PortRow {
  const starts = new Set([
    0,
    ...boxes.flatMap(({ ports }) => (ports === null ? [] : [ports.first, ports.last + 1])),
  ]);
  const cuts = [...starts].filter((port) => port <= ALL_PORTS.last).sort((a, b) => a - b);
  const row = cuts.map((first, index) => {
    const last = (cuts[index + 1] ?? ALL_PORTS.last + 1) - 1;
    const decides = boxes.find(({ ports }) => ports === null || (ports.first <= first && last <= ports.last));
    return { first, last, outcome: decides?.outcome ?? null };
  });
  return joinedRows(row, (span, next) => deepEqual(span.outcome, next.outcome));
}

function protocolClasses(): (PortSpan & { protocol: Protocol | null })[] {
  const classes: (PortSpan & { protocol: Protocol | null })[] = [];
  let next = 0;
  for (const protocol of [...PROTOCOLS].sort((a, b) => protocolNumber[a] - protocolNumber[b])) {
    const number = protocolNumber[protocol];
    if (number > next) classes.push({ first: next, last: number - 1, protocol: null });
    classes.push({ first: number, last: number, protocol });
    next = number + 1;
  }
  classes.push({ first: next, last: 255, protocol: null });
  return classes;
}
