import { grouped } from '../../base/collect.ts';
import { PROTOCOLS } from '../../net/protocol.ts';
import type { AddressSet } from '../../net/ranges.ts';
import type { FreePorts, PlanEntry } from '../../plan/entry.ts';
import { isEgressSourceKey } from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { isPortClaim, isRange, laneOf, type PortClaim, spanOf } from '../../plan/port-claims.ts';
import type { PlacedElement } from './element.ts';
import { changedElements } from './entry-elements.ts';
import type { ProgrammedByKey } from './programmed-entries.ts';
import { type Programmed, program } from './slots.ts';

/** Changes of entries that belong into one transaction; their elements are not made yet. */
export interface Piece {
  readonly changes: readonly EntryChange[];
  /** Some 4 µs of the kernel's time each, without the lists of sources. */
  readonly weight: number;
  /** The same with all of the lists. */
  readonly fullWeight: number;
  /** Lists that some of the entries have. */
  readonly lists: ReadonlySet<AddressSet>;
  /** Some are ranges of ports. */
  readonly hasRange: boolean;
}

interface EntryChange {
  readonly key: string;
  readonly old: Programmed | undefined;
  readonly entry: PlanEntry | undefined;
}

/** A piece with its elements. */
export interface RenderedPiece {
  readonly staged: readonly StagedEntry[];
  /** Elements but those of slots. */
  readonly before: readonly PlacedElement[];
  readonly after: readonly PlacedElement[];
}

/** An entry before and after: what the kernel is to hold of it. */
export interface StagedEntry {
  readonly key: string;
  readonly old: Programmed | null;
  readonly now: Programmed | null;
}

/** An element of a set of ranges of several fields, compared with one of a hash table. */
const SLOW = 20;

/** A range of ports is cut into pieces, most into no more than so many. */
const RANGE_PIECES = 8;

/** What one transaction holds, if its pieces allow: some 20 ms of the kernel's time. */
const MOST_WEIGHT = 5_000;

/**
 * The changes of these keys, in pieces: of each entry all at once, and of entries whose ranges must not overlap at any time
 * (ranges of ports that do, EgressRules) those together. Costs the number of keys, whatever their elements.
 */
export function piecesOf(
  plan: Pick<NatPlan, 'entry'>,
  keys: Iterable<string>,
  programmed: Pick<ProgrammedByKey, 'get'>,
): Piece[] {
  const changes = changesOf(plan, keys, programmed);
  if (changes.length === 1) return [pieceOf(changes)];
  const overlapping = overlappingRanges(changes);
  if (overlapping.size === 0 && !changes.some(({ key }) => isEgressSourceKey(key))) {
    return changes.map((change) => pieceOf([change]));
  }
  const groups = grouped(changes, ({ key }) =>
    isEgressSourceKey(key) ? 'egress' : (overlapping.get(key) ?? key),
  );
  return [...groups.values()].map(pieceOf);
}

function changesOf(
  plan: Pick<NatPlan, 'entry'>,
  keys: Iterable<string>,
  programmed: Pick<ProgrammedByKey, 'get'>,
): EntryChange[] {
  let changes: EntryChange[] | null = null;
  for (const key of keys) {
    const old = programmed.get(key);
    const entry = plan.entry(key);
    if (entry === old?.entry) continue;
    // Mostly there is one: a list that grows has room for sixteen.
    if (changes === null) changes = [{ key, old, entry }];
    else changes.push({ key, old, entry });
  }
  return changes ?? [];
}

function pieceOf(changes: readonly EntryChange[]): Piece {
  const piece: Growing = { changes, weight: 0, fullWeight: 0, lists: noLists, hasRange: false };
  for (const { old, entry } of changes) {
    if (old !== undefined) take(piece, old.entry);
    if (entry !== undefined) take(piece, entry);
  }
  piece.fullWeight = weightBeside(piece, noLists);
  return piece;
}

type Growing = { -readonly [Name in keyof Piece]: Piece[Name] };

function take(piece: Growing, entry: PlanEntry): void {
  piece.weight += weightOf(entry);
  piece.hasRange ||= isRange(entry);
  if ('sourceRanges' in entry && entry.sourceRanges !== null) {
    piece.lists = new Set([...piece.lists, entry.sourceRanges]);
  }
}

/** Makes the elements, but those of slots. */
export function rendered({ changes }: Piece): RenderedPiece {
  const staged = new Array<StagedEntry>(changes.length);
  let before: PlacedElement[] | null = null;
  let after: PlacedElement[] | null = null;
  for (let index = 0; index < changes.length; index++) {
    const { key, old, entry } = changes[index] as EntryChange;
    const now = entry === undefined ? null : program(entry, old);
    const elements = changedElements(old, now);
    before = withMore(before, elements.before);
    after = withMore(after, elements.after);
    staged[index] = { key, old: old ?? null, now };
  }
  return { staged, before: before ?? noElements, after: after ?? noElements };
}

const noElements: readonly PlacedElement[] = Object.freeze([]);

/** Most changes have no elements but those of slots, and need no list. */
function withMore(list: PlacedElement[] | null, more: readonly PlacedElement[]): PlacedElement[] | null {
  if (list === null) return more.length === 0 ? null : [...more];
  for (const element of more) list.push(element);
  return list;
}

/**
 * For keys of ranges, the name that those have in common whose ports overlap, in what is there or in what is to be; single
 * ports among them too.
 */
function overlappingRanges(changes: readonly EntryChange[]): ReadonlyMap<string, string> {
  const claimOf = ({ old, entry }: EntryChange) => old?.entry ?? entry;
  const hasRanges = changes.some((change) => {
    const claim = claimOf(change);
    return claim !== undefined && isRange(claim);
  });
  if (!hasRanges) return noNames;
  const claims = changes.flatMap((change) => {
    const claim = claimOf(change);
    return claim !== undefined && isPortClaim(claim) ? [{ key: change.key, claim, lane: laneOf(claim) }] : [];
  });
  const lanes = new Map<string, { key: string; claim: PortClaim }[]>();
  for (const { claim, lane } of claims) if (isRange(claim)) lanes.set(lane, []);
  for (const each of claims) lanes.get(each.lane)?.push(each);
  const names = new Map<string, string>();
  for (const [lane, members] of lanes) {
    let end = -1;
    let name = '';
    const spans = members.map(({ key, claim }) => ({ key, ...spanOf(claim) }));
    for (const { key, first, last } of spans.sort((a, b) => a.first - b.first)) {
      if (first > end) name = `${lane} ${first}`;
      end = Math.max(end, last);
      names.set(key, name);
    }
  }
  return names;
}

const noNames: ReadonlyMap<string, string> = new Map();

function weightOf(entry: PlanEntry): number {
  switch (entry.kind) {
    case 'ServiceFrontend':
      return 4 + entry.endpoints.length + (entry.localEndpoints?.length ?? 0);
    case 'PodBinding':
    case 'PodSourcePort':
      return entry.portCount === 1 ? 4 : SLOW * (1 + Math.min(entry.portCount, RANGE_PIECES));
    case 'EgressSource':
      return 1 + SLOW * entry.cells.length;
    case 'SourcePorts':
      return SLOW * [entry.any, entry.egress ?? entry.any].reduce((sum, ports) => sum + spanCount(ports), 0);
    default:
      return 4;
  }
}

function spanCount(ports: FreePorts): number {
  return PROTOCOLS.reduce((sum, protocol) => sum + ports[protocol].length, 0);
}

/** With those lists that none of the others had. */
function weightBeside(
  { weight, lists }: Pick<Piece, 'weight' | 'lists'>,
  others: ReadonlySet<AddressSet>,
): number {
  let sum = weight;
  if (lists.size === 0) return sum;
  for (const list of lists) if (!others.has(list)) sum += SLOW * list.ranges.length;
  return sum;
}

const noLists: ReadonlySet<AddressSet> = new Set();

const noPieces: readonly Piece[] = Object.freeze([]);

/**
 * The pieces of the next transaction, small ones first, so that nobody waits for the large change of another; and those that
 * come later.
 *
 * @param waiting keys that came later before: one of their pieces is in the transaction, whatever else there is
 */
export function nextTransaction(
  pieces: readonly Piece[],
  waiting: ReadonlySet<string> = new Set(),
): { readonly now: readonly Piece[]; readonly later: readonly Piece[] } {
  if (pieces.length < 2) return { now: pieces, later: noPieces };
  const sorted = [...pieces].sort((a, b) => a.fullWeight - b.fullWeight);
  const now: Piece[] = [];
  const later: Piece[] = [];
  const lists = new Set<AddressSet>();
  let weight = 0;
  for (const piece of sorted) {
    const sum = weight + weightBeside(piece, lists);
    if (now.length > 0 && sum > MOST_WEIGHT) {
      later.push(piece);
      continue;
    }
    now.push(piece);
    weight = sum;
    for (const list of piece.lists) lists.add(list);
  }
  const isWaiting = ({ changes }: Piece) => changes.some(({ key }) => waiting.has(key));
  if (!now.some(isWaiting)) {
    const next = later.findIndex(isWaiting);
    if (next !== -1) now.push(...later.splice(next, 1));
  }
  return { now, later };
}

/**
 * Keys of entries that have time until everything else is in force, where all together are more than one transaction should
 * hold: bound ranges, and what only some sources may use.
 *
 * @param isThere whether the kernel has something of the entry, which is to stay
 */
export function keysForLater(
  plan: Pick<NatPlan, 'entry'>,
  entries: Iterable<PlanEntry>,
  isThere: (key: string) => boolean,
): ReadonlySet<string> {
  const large: string[] = [];
  for (const entry of entries) if (isLarge(entry) && !isThere(entry.key)) large.push(entry.key);
  const { later } = nextTransaction(piecesOf(plan, large, new Map()));
  return new Set(later.flatMap(({ changes }) => changes.map(({ key }) => key)));
}

function isLarge(entry: PlanEntry): boolean {
  if (!isPortClaim(entry)) return false;
  return isRange(entry) || ('sourceRanges' in entry && entry.sourceRanges !== null);
}
