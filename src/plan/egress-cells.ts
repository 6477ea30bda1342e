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

/** Ports with what decides about them; null: nobody. */
type PortRow = readonly (PortSpan & { readonly outcome: EgressOutcome | null })[];

const ALL_PORTS: PortSpan = { first: 0, last: 65535 };

/** The protocols with ports, and the gaps between them, in order. */
const PROTOCOL_CLASSES: readonly (PortSpan & { readonly protocol: Protocol | null })[] = protocolClasses();

/**
 * Ordered choices as cells that do not overlap: maps of the kernel have no order. What comes behind a choice without
 * destinations can only decide about what that one leaves out: the exempt destinations.
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

/** The first box that holds a packet decides. */
function disjoint(family: Family, boxes: readonly Box[]): EgressCell[] {
  const cells: { destinations: { first: bigint; last: bigint }; rows: readonly PortRow[] }[] = [];
  for (const destinations of pieces(
    family,
    boxes.map((box) => box.destinations),
  )) {
    const here = boxes.filter(
      (box) => box.destinations.first <= destinations.first && destinations.last <= box.destinations.last,
    );
    const rows = PROTOCOL_CLASSES.map(({ protocol }) =>
      portRow(here.filter((box) => box.protocol === null || box.protocol === protocol)),
    );
    const previous = cells.at(-1);
    if (
      previous !== undefined &&
      previous.destinations.last + 1n === destinations.first &&
      deepEqual(previous.rows, rows)
    ) {
      previous.destinations.last = destinations.last;
    } else cells.push({ destinations: { ...destinations }, rows });
  }
  return cells.flatMap(({ destinations, rows }) =>
    mergedProtocols(rows).flatMap(({ protocols, row }) =>
      row.flatMap(({ first, last, outcome }) =>
        outcome === null ? [] : [{ destinations, protocols, ports: { first, last }, outcome }],
      ),
    ),
  );
}

/** The union of ranges, cut wherever one of them begins or ends. */
export function pieces(family: Family, ranges: readonly AddressRange[]): AddressRange[] {
  const starts = new Set(ranges.flatMap(({ first, last }) => [first, last + 1n]));
  const cuts = [...starts].sort((a, b) => (a < b ? -1 : 1));
  const all = cuts.slice(0, -1).map((first, index) => ({ first, last: (cuts[index + 1] ?? first) - 1n }));
  const gaps = differenceOf({ family, ranges: unionOf(family, all).ranges }, unionOf(family, ranges)).ranges;
  return all.filter(({ first }) => !gaps.some((gap) => gap.first <= first && first <= gap.last));
}

/** What decides about each port, from 0 to 65535; neighbours differ. */
function portRow(boxes: readonly Box[]): PortRow {
  const starts = new Set([
    0,
    ...boxes.flatMap(({ ports }) => (ports === null ? [] : [ports.first, ports.last + 1])),
  ]);
  const cuts = [...starts].filter((port) => port <= ALL_PORTS.last).sort((a, b) => a - b);
  const row: { first: number; last: number; outcome: EgressOutcome | null }[] = [];
  for (const [index, first] of cuts.entries()) {
    const last = (cuts[index + 1] ?? ALL_PORTS.last + 1) - 1;
    const decides = boxes.find(({ ports }) => ports === null || (ports.first <= first && last <= ports.last));
    const outcome = decides?.outcome ?? null;
    const previous = row.at(-1);
    if (previous !== undefined && deepEqual(previous.outcome, outcome)) previous.last = last;
    else row.push({ first, last, outcome });
  }
  return row;
}

function mergedProtocols(rows: readonly PortRow[]): { protocols: PortSpan; row: PortRow }[] {
  const merged: { protocols: { first: number; last: number }; row: PortRow }[] = [];
  for (const [index, { first, last }] of PROTOCOL_CLASSES.entries()) {
    const row = rows[index] ?? [];
    const previous = merged.at(-1);
    if (previous !== undefined && deepEqual(previous.row, row)) previous.protocols.last = last;
    else merged.push({ protocols: { first, last }, row });
  }
  return merged;
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
