import { addressFromNumber, numberBytes } from '../../net/address.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import {
  type AddressRange,
  type AddressSet,
  differenceOf,
  intersectionOf,
  unionOf,
} from '../../net/ranges.ts';
import type { EgressSource, FamilyScope } from '../../plan/entry.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { isUnread, type Unread } from '../datapath.ts';
import { addressesOf, elementComparison, type PlacedElement, placeRanges, rowOf } from './element.ts';
import { elementsOf } from './entry-elements.ts';
import { fieldsOf } from './fields.ts';
import type { AddressSetName, SetName, SetRow } from './sets.ts';
import { program } from './slots.ts';
import { type ClaimedPorts, claimedPorts, isClaimed } from './unclaimed.ts';

/** Where what has been found is asked for its entries, and the scopes for pods. */
type Plan = Pick<NatPlan, 'entry' | 'entries' | 'egressSource'>;

/**
 * The elements that are wanted while objects cannot be read since the start: those of the plan, and of those found in the
 * kernel what the unread objects may have asked for. set-table.ts says set by set what that is.
 */
export function whileUnread(
  desired: Iterable<PlacedElement>,
  found: readonly PlacedElement[],
  plan: Plan,
  unread: Unread,
): PlacedElement[] {
  const wanted: PlacedElement[] = [];
  const concerned = new Map<string, Both>();
  const bothOf = ({ family, set }: PlacedElement): Both => {
    const name = `${family} ${set}`;
    const known = concerned.get(name) ?? { family, set, row: rowOf({ family, set }), desired: [], found: [] };
    concerned.set(name, known);
    return known;
  };
  for (const placed of desired) {
    if (isConcerned(placed, unread)) bothOf(placed).desired.push(placed);
    else wanted.push(placed);
  }
  for (const placed of found) {
    if (isConcerned(placed, unread) && placed.element.intervalEnd !== true) bothOf(placed).found.push(placed);
  }
  const claimed = claimedPorts(plan);
  for (const both of concerned.values()) {
    for (const placed of merged(both, plan, claimed, unread)) wanted.push(placed);
  }
  for (const family of FAMILIES) {
    for (const placed of egressRules(family, [...concerned.values()], plan, unread)) wanted.push(placed);
  }
  return wanted;
}

/** Elements that stay since no entry of the plan has them, and an unread object may. */
export function unclaimedElements(
  plan: Plan,
  found: readonly PlacedElement[],
  unread: Unread,
): readonly PlacedElement[] {
  const claimed = claimedPorts(plan);
  return found.filter(
    (placed) =>
      KEEPS_UNCLAIMED.includes(rowOf(placed).unread) &&
      isConcerned(placed, unread) &&
      !isClaimed(plan, claimed, placed),
  );
}

const KEEPS_UNCLAIMED: readonly SetRow['unread'][] = ['entry', 'entry and value'];

/** Of one set in one family. */
interface Both {
  readonly family: Family;
  readonly set: SetName;
  readonly row: SetRow;
  readonly desired: PlacedElement[];
  readonly found: PlacedElement[];
}

/** The element may come from an object that cannot be read. */
export function isConcerned(placed: PlacedElement, unread: Unread | null): boolean {
  return unread !== null && isUnread(unread, rowOf(placed).objects);
}

function merged(both: Both, plan: Plan, claimed: ClaimedPorts, unread: Unread): readonly PlacedElement[] {
  const { family, desired, found, row } = both;
  switch (row.unread) {
    case 'plan':
    case 'packets':
      return desired;
    case 'entry':
    case 'entry and value': {
      const mine = new Set(desired.map(elementComparison.identity));
      const kept = found.filter(
        (placed) => !isClaimed(plan, claimed, placed) && !mine.has(elementComparison.identity(placed)),
      );
      const keepsValues = row.unread === 'entry and value' && isUnread(unread, ['Node']);
      return [...(keepsValues ? withValuesOf(desired, found) : desired), ...kept];
    }
    case 'union':
      return placedRanges(both, unionOf(family, rangesOf([...desired, ...found])));
    case 'plan first':
      return desired.length > 0 ? desired : found;
    case 'standing first':
      return found.length > 0 ? found : desired;
    case 'all but pods':
      return placedRanges(both, allButPods(family, desired, found, scopeOf(plan, family)));
    case 'source':
      return []; // the maps of rules belong together: egressRules
    default:
      return row.unread satisfies never;
  }
}

/** The elements, with the values of those that stand already. */
function withValuesOf(
  desired: readonly PlacedElement[],
  found: readonly PlacedElement[],
): readonly PlacedElement[] {
  const known = new Map(found.map((placed) => [elementComparison.identity(placed), placed]));
  return desired.map((placed) => known.get(elementComparison.identity(placed)) ?? placed);
}

/**
 * Who is masqueraded to ClusterIPs. Everybody where that is so for every object; else those that are, without what is
 * known to be a pod now.
 */
function allButPods(
  family: Family,
  desired: readonly PlacedElement[],
  found: readonly PlacedElement[],
  { pods }: FamilyScope,
): AddressSet {
  const wanted = unionOf(family, rangesOf(desired));
  const standing = unionOf(family, rangesOf(found));
  const isEverybody = intersectionOf(wanted, pods).ranges.length > 0 || pods.ranges.length === 0;
  if (standing.ranges.length === 0 || (isEverybody && wanted.ranges.length > 0)) return wanted;
  return differenceOf(standing, pods);
}

function rangesOf(elements: readonly PlacedElement[]): AddressRange[] {
  return elements.map(addressesOf);
}

/** In a set whose row says that its keys are ranges of addresses. */
function placedRanges({ set }: Both, ranges: AddressSet): readonly PlacedElement[] {
  return placeRanges(set as AddressSetName, ranges);
}

/**
 * What EgressRules made of a source stands in several maps, which say one thing together; sources do not overlap. So what was
 * found of a source stays as a whole, or goes as a whole. It stays
 * - while a rule or a Namespace is known to be unread: any source may have been chosen by it;
 * - where the plan does not speak of the source;
 * - where it is of one pod, and the plan knows no pod there;
 * - where all that the plan says of it or of a part of it stands already, so that the rest is of what cannot be read.
 * Of any other the addresses stay that the plan does not speak of.
 */
function egressRules(family: Family, sets: readonly Both[], plan: Plan, unread: Unread): PlacedElement[] {
  const rules = sets.filter((both) => both.family === family && both.row.unread === 'source');
  if (rules.length === 0) return [];
  const found = rules.flatMap((both) => both.found);
  const standing = new Set(found.map(whole));
  const sources = [...plan.entries()].filter(
    (entry): entry is EgressSource => entry.kind === 'EgressSource' && entry.family === family,
  );
  const spokenOf = unionOf(
    family,
    sources.map(({ range }) => range),
  );
  const saysNothingNew = (range: AddressRange): boolean =>
    sources
      .filter((source) => overlap(source.range, range))
      .every((source) => ofSource({ ...source, range }).every((placed) => standing.has(whole(placed))));
  const isAnybodys = unread.kinds.includes('EgressRule') || unread.kinds.includes('Namespace');
  const stays = (range: AddressRange): boolean =>
    isAnybodys ||
    intersectionOf(spokenOf, { family, ranges: [range] }).ranges.length === 0 ||
    (range.first === range.last && !isPodOf(plan, family, range)) ||
    saysNothingNew(range);
  const kept = found.flatMap((placed) => {
    const range = addressesOf(placed);
    if (stays(range)) return [placed];
    return differenceOf({ family, ranges: [range] }, spokenOf).ranges.map((part) => narrowed(placed, part));
  });
  const held = unionOf(family, rangesOf(kept));
  const wanted = sources.flatMap((source) =>
    differenceOf({ family, ranges: [source.range] }, held).ranges.flatMap((range) =>
      ofSource({ ...source, range }),
    ),
  );
  return [...kept, ...wanted];
}

function ofSource(source: EgressSource): readonly PlacedElement[] {
  return elementsOf(program(source, undefined));
}

function isPodOf(plan: Plan, family: Family, { first }: AddressRange): boolean {
  return (plan.egressSource(addressFromNumber(family, first))?.pod ?? null) !== null;
}

function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The same for these sources alone. */
function narrowed({ family, set, element }: PlacedElement, { first, last }: AddressRange): PlacedElement {
  const { key, keyEnd = key } = element;
  const bound = (source: bigint, bytes: Uint8Array) =>
    Buffer.concat([numberBytes(family, source), bytes.subarray(fieldsOf(family).addressBytes)]);
  return { family, set, element: { ...element, key: bound(first, key), keyEnd: bound(last, keyEnd) } };
}

/** The element with its value, as text. */
function whole(placed: PlacedElement): string {
  return `${elementComparison.identity(placed)} ${elementComparison.value(placed)}`;
}
