import type { Conflict } from '../forms/findings.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import { formatRef, type ObjectRef, objectKey } from '../model/object.ts';
import { compareText } from '../model/text.ts';
import type { PlanEntry } from './entry.ts';

/** Other entries come from many objects together; no object claims their keys. */
type OwnedEntry = Extract<PlanEntry, { owner: ObjectRef }>;

export type { Conflict };

/** A finding for each loser: `203.0.113.7:25/TCP belongs to Pod shop/a: …`. */
export function conflictFindings({ code, losers, ...claim }: Conflict): Notice[] {
  return losers.map((loser) => findingOf(code, loser, claimText(claim)));
}

/** What `ownerText` needs of a conflict; rows of a NodeNAT have it too. */
type Owned = Pick<Conflict, 'because'> & { readonly winner: Parameters<typeof formatRef>[0] };

/** `203.0.113.7:25/TCP belongs to Pod shop/a: …` */
export function claimText({ key, ...owned }: Owned & Pick<Conflict, 'key'>): string {
  return `${key} ${ownerText(owned)}`;
}

/** `belongs to Pod shop/a: …`, for readers who see the claim elsewhere. */
export function ownerText({ winner, because }: Owned): string {
  return `belongs to ${formatRef(winner)}: ${because}`;
}

/**
 * Orders claims to the same key, the winner first. The order is total and depends on the claims' content alone, so that
 * neither the order of events nor a resync changes the winner:
 * 1. a Service before a Pod (docs/spec/pod-nat.md, "Who wins");
 * 2. of two Services the older, then the name (docs/spec/service-nat.md, "Frontends"), then the origin;
 * 3. of two Pods a serving one before one that is not Ready yet, then the one created last, then the greater UID; of
 *    two entries of one Pod the first.
 */
export function compareClaims(a: PlanEntry, b: PlanEntry): number {
  if (isPods(a) !== isPods(b)) return isPods(a) ? 1 : -1;
  if (isPods(a) && isPods(b)) {
    return (
      Number(a.kind === 'PodReservation') - Number(b.kind === 'PodReservation') ||
      b.createdAt - a.createdAt ||
      compareText(b.uid, a.uid) ||
      compareText(nameOf(a), nameOf(b)) ||
      orderOf(a) - orderOf(b)
    );
  }
  if (!isOwned(a) || !isOwned(b)) return 0;
  return (
    a.createdAt - b.createdAt || compareText(nameOf(a), nameOf(b)) || compareText(placeOf(a), placeOf(b))
  );
}

/** @param claims the winner first @returns null if one object alone claims the key */
export function conflictOf(claims: readonly PlanEntry[]): Conflict | null {
  const [winner, ...rest] = claims;
  if (winner === undefined || !isOwned(winner)) return null;
  const losers = rest.flatMap((claim) => loserTo(winner, claim) ?? []);
  return losers.length === 0 ? null : conflictAbout(winner.key, winner, losers);
}

/** @param losers may name an object more than once */
export function conflictAbout(key: string, winner: OwnedEntry, losers: readonly ObjectRef[]): Conflict {
  const byName = new Map(losers.map((loser) => [formatRef(loser), loser]));
  return {
    code: 'NatConflict',
    key,
    winner: winner.owner,
    losers: [...byName.values()],
    because: reasonFor(winner),
  };
}

/**
 * The object that loses `claim` to `winner`; null without a conflict: the Pod is not Ready yet, or both are of one Pod.
 */
export function loserTo(winner: PlanEntry, claim: PlanEntry): ObjectRef | null {
  if (!isOwned(winner) || !isOwned(claim) || claim.kind === 'PodReservation') return null;
  const isSame = claim.owner.kind === winner.owner.kind && nameOf(claim) === nameOf(winner);
  return isSame ? null : claim.owner;
}

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

function isOwned(entry: PlanEntry): entry is OwnedEntry {
  return 'owner' in entry;
}

function nameOf({ owner }: OwnedEntry): string {
  return objectKey(owner.namespace, owner.name);
}

/** Which port of which field of a Service the frontend comes from. No origin is the beginning of another. */
function placeOf(entry: PlanEntry): string {
  return entry.kind === 'ServiceFrontend' ? `${entry.origin} ${entry.portName}` : '';
}
