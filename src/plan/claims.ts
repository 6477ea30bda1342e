import type { Conflict } from '../forms/findings.ts';
import { formatRef, type ObjectRef, objectKey } from '../model/object.ts';
import { compareText } from '../model/text.ts';
import type { EgressSource, FamilyScope, PlanEntry, SourcePorts } from './entry.ts';

/** Made from many objects together. */
type OfMany = FamilyScope | SourcePorts | EgressSource;

export type { Conflict };

/** For people: `Pod shop/b: 203.0.113.7:25/TCP belongs to Pod shop/a: …`. */
export function conflictText({ key, winner, losers, because }: Conflict): string {
  return `${losers.map(formatRef).join(', ')}: ${key} belongs to ${formatRef(winner)}: ${because}`;
}

/**
 * Orders claims to the same key, the winner first. A total order over the claims' own content, so that neither the
 * order of events nor a resync changes the winner:
 * 1. a Service before a Pod (docs/spec/pod-nat.md, "Who wins");
 * 2. of two Services the older, then the name (docs/spec/service-nat.md, "Frontends"), then the origin;
 * 3. of two Pods one that serves before one that is not Ready yet, then the one created last, then the greater UID; of
 *    two entries of one Pod the first.
 */
export function compareClaims(a: PlanEntry, b: PlanEntry): number {
  const podA = isPods(a);
  const podB = isPods(b);
  if (podA !== podB) return podA ? 1 : -1;
  if (isPods(a) && isPods(b)) {
    return (
      Number(a.kind === 'PodReservation') - Number(b.kind === 'PodReservation') ||
      b.createdAt - a.createdAt ||
      compareText(b.uid, a.uid) ||
      compareText(nameOf(a), nameOf(b)) ||
      orderOf(a) - orderOf(b)
    );
  }
  if (isNobodys(a) || isNobodys(b)) return 0;
  return (
    a.createdAt - b.createdAt ||
    compareText(nameOf(a), nameOf(b)) ||
    compareText(originOf(a), originOf(b)) ||
    compareText(portOf(a), portOf(b))
  );
}

/** The conflict that these claims (the winner first) make; null when one object alone claims the key. */
export function conflictOf(claims: readonly PlanEntry[]): Conflict | null {
  const [winner, ...rest] = claims;
  if (winner === undefined || isNobodys(winner)) return null;
  const losers = rest.flatMap((claim) => loserTo(winner, claim) ?? []);
  return losers.length === 0 ? null : conflictAbout(winner.key, winner, losers);
}

/** @param losers may name an object more than once */
export function conflictAbout(
  key: string,
  winner: Exclude<PlanEntry, OfMany>,
  losers: readonly ObjectRef[],
): Conflict {
  const byName = new Map(losers.map((loser) => [formatRef(loser), loser]));
  return { key, winner: winner.owner, losers: [...byName.values()], because: reasonFor(winner) };
}

/**
 * Who is to be told that `winner` has what `claim` wants; null: nobody. Not Ready yet is no conflict, and of two addresses
 * of one Pod neither is.
 */
export function loserTo(winner: PlanEntry, claim: PlanEntry): ObjectRef | null {
  if (isNobodys(winner) || isNobodys(claim) || claim.kind === 'PodReservation') return null;
  const isSame = claim.owner.kind === winner.owner.kind && nameOf(claim) === nameOf(winner);
  return isSame ? null : claim.owner;
}

/** The rule by which the winner has it, for people. */
function reasonFor(winner: PlanEntry): string {
  return isPods(winner)
    ? 'of several Pods the one created last has it'
    : 'a Service comes before Pods, and of several Services the oldest has it';
}

function isPods(entry: PlanEntry): entry is Extract<PlanEntry, { uid: string }> {
  return 'uid' in entry;
}

function orderOf(entry: PlanEntry): number {
  return 'order' in entry ? entry.order : 0;
}

/** Made from many objects together, so that nobody else claims its key. */
function isNobodys(entry: PlanEntry): entry is OfMany {
  return entry.kind === 'FamilyScope' || entry.kind === 'SourcePorts' || entry.kind === 'EgressSource';
}

function nameOf(entry: Exclude<PlanEntry, OfMany>): string {
  return objectKey(entry.owner.namespace, entry.owner.name);
}

function originOf(entry: PlanEntry): string {
  return entry.kind === 'ServiceFrontend' ? entry.origin : '';
}

function portOf(entry: PlanEntry): string {
  return entry.kind === 'ServiceFrontend' ? entry.portName : '';
}
