import type { ObjectRef } from '../model/object.ts';
import { objectKey } from '../model/object.ts';
import type { EgressSource, FamilyScope, PlanEntry } from './entry.ts';

/** Two objects want the same thing; one gets it. */
export interface Conflict {
  /** The key of the entry: `203.0.113.7:25/TCP`. */
  readonly key: string;
  readonly winner: ObjectRef;
  readonly losers: readonly ObjectRef[];
  /** The rule that decided, for people. */
  readonly because: string;
}

/**
 * Orders claims to the same key, the winner first. A total order over the claims' own content, so that neither the
 * order of events nor a resync changes the winner:
 * 1. a Service before a Pod (specs/pod-nat.md, "Who wins");
 * 2. of two Services the older, then the name (specs/service-proxy.md, "Frontends"), then the origin;
 * 3. of two Pods the one created last, then the greater UID.
 */
export function compareClaims(a: PlanEntry, b: PlanEntry): number {
  const podA = isPods(a);
  const podB = isPods(b);
  if (podA !== podB) return podA ? 1 : -1;
  if (isPods(a) && isPods(b)) {
    return b.createdAt - a.createdAt || compareText(b.uid, a.uid) || compareText(nameOf(a), nameOf(b));
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
  const losers = new Map<string, ObjectRef>();
  for (const claim of rest) {
    if (isNobodys(claim)) continue;
    const name = `${claim.owner.kind} ${nameOf(claim)}`;
    if (name !== `${winner.owner.kind} ${nameOf(winner)}`) losers.set(name, claim.owner);
  }
  if (losers.size === 0) return null;
  return { key: winner.key, winner: winner.owner, losers: [...losers.values()], because: reasonFor(winner) };
}

function reasonFor(winner: PlanEntry): string {
  return isPods(winner)
    ? 'of several Pods the one created last has it'
    : 'a Service comes before Pods, and of several Services the oldest has it';
}

function isPods(entry: PlanEntry): entry is Extract<PlanEntry, { uid: string }> {
  return entry.kind === 'PodBinding' || entry.kind === 'PodSource';
}

/** Made from many objects together, so that nobody else claims its key. */
function isNobodys(entry: PlanEntry): entry is FamilyScope | EgressSource {
  return entry.kind === 'FamilyScope' || entry.kind === 'EgressSource';
}

function nameOf(entry: Exclude<PlanEntry, FamilyScope | EgressSource>): string {
  return objectKey(entry.owner.namespace, entry.owner.name);
}

function originOf(entry: PlanEntry): string {
  return entry.kind === 'ServiceFrontend' ? entry.origin : '';
}

function portOf(entry: PlanEntry): string {
  return entry.kind === 'ServiceFrontend' ? entry.portName : '';
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
