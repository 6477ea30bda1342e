import { firstReached } from '../base/collect.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PortSpan } from '../net/port.ts';
import { type Conflict, compareClaims, conflictAbout, loserTo } from './claims.ts';
import {
  type PlanEntry,
  type PodBinding,
  type PodReservation,
  type PodSourcePort,
  portBehind,
  type ServiceFrontend,
  type Tuple,
} from './entry.ts';
import { podSourcePortKey, spanKey } from './entry-key.ts';

export type PortClaim = ServiceFrontend | PodBinding | PodReservation | PodSourcePort;

/** A claim to several ports, or the part of it that it has won. */
export type RangeClaim = PodBinding | PodReservation | PodSourcePort;

/** Limit of reported conflicts for one claim: one for each stretch of ports that it lost. */
const MOST_LOSSES = 16;

export function isPortClaim(entry: PlanEntry): entry is PortClaim {
  return 'tuple' in entry;
}

/** True for a claim to more than one port. */
export function isRange(entry: PlanEntry): entry is RangeClaim {
  return 'portCount' in entry && entry.portCount > 1;
}

/** Packets from ports of a pod and packets to ports have different lanes, which never conflict. */
export function laneOf({ kind, tuple: { address, protocol } }: PortClaim): string {
  return laneName(kind === 'PodSourcePort' ? 'from' : 'to', { address, protocol });
}

export function laneName(
  way: 'from' | 'to',
  { address, protocol }: Pick<Tuple, 'address' | 'protocol'>,
): string {
  return `${way} ${address}/${protocol}`;
}

/** Ports that a claim has won; `entry` is the claim itself if it has won them all. */
export interface Piece extends PortSpan {
  readonly claim: RangeClaim;
  readonly entry: RangeClaim;
}

export interface SettledLane {
  /** By first port; they do not overlap. */
  readonly pieces: readonly Piece[];
  /** Claims to single ports that lost to a range. */
  readonly beaten: ReadonlySet<PortClaim>;
  /** By the key of these ports. */
  readonly conflicts: ReadonlyMap<string, Conflict>;
}

interface Taken extends PortSpan {
  readonly by: PortClaim;
}

/**
 * Settles the claims of one lane port by port: each port goes to the first claim in the order of `compareClaims`, and a
 * range is split into the ports that it keeps. Costs n log n, independent of the number of ports.
 * @param ranges the claims to several ports
 * @param singles those to one port that won among the claims to exactly that port
 * @param known earlier pieces, so that unchanged ones stay the same object
 */
export function settleLane(
  ranges: Iterable<RangeClaim>,
  singles: Iterable<PortClaim>,
  known: readonly Piece[] = [],
): SettledLane {
  const claims: PortClaim[] = [...ranges, ...singles].sort(compareClaims);
  const taken: Taken[] = [];
  const pieces: Piece[] = [];
  const beaten = new Set<PortClaim>();
  const losses = new Map<string, { winner: PortClaim; losers: ObjectRef[] }>();
  const before = new Map(known.map((piece) => [piece.first, piece]));
  for (const claim of claims) {
    const { first, last } = spanOf(claim);
    const from = firstReaching(taken, first);
    let next = first;
    let to = from;
    const gained: Taken[] = [];
    for (; to < taken.length && (taken[to] as Taken).first <= last; to++) {
      const other = taken[to] as Taken;
      const loser = to - from < MOST_LOSSES ? loserTo(other.by, claim) : null;
      if (loser !== null) {
        const lost = lostPorts(other, first, last);
        const loss = losses.get(lost) ?? { winner: other.by, losers: [] };
        losses.set(lost, loss);
        loss.losers.push(loser);
      }
      if (other.first > next) gained.push({ first: next, last: other.first - 1, by: claim });
      next = Math.max(next, other.last + 1);
    }
    if (next <= last) gained.push({ first: next, last, by: claim });
    if (!isRange(claim)) {
      if (gained.length === 0) beaten.add(claim);
    } else for (const { first, last } of gained) pieces.push(pieceOf(claim, first, last, before.get(first)));
    if (gained.length > 0) insert(taken, from, to, gained);
  }
  pieces.sort((a, b) => a.first - b.first);
  const conflicts = [...losses].map(
    ([key, { winner, losers }]) => [key, conflictAbout(key, winner, losers)] as const,
  );
  return { pieces, beaten, conflicts: new Map(conflicts) };
}

function insert(taken: Taken[], from: number, to: number, gained: readonly Taken[]): void {
  const around = taken.slice(from, to);
  taken.splice(from, to - from, ...[...around, ...gained].sort((a, b) => a.first - b.first));
}

/** The index of the first range that ends at or after this port. */
function firstReaching(taken: readonly { readonly last: number }[], port: number): number {
  return firstReached(taken, ({ last }) => last >= port);
}

export function pieceAt(pieces: readonly Piece[], port: number): Piece | undefined {
  const piece = pieces[firstReaching(pieces, port)];
  return piece !== undefined && piece.first <= port ? piece : undefined;
}

export function hasPort(claim: PortClaim, port: number): boolean {
  const { first, last } = spanOf(claim);
  return port >= first && port <= last;
}

export function spanOf(claim: PortClaim): PortSpan {
  const { port } = claim.tuple;
  return { first: port, last: port + ('portCount' in claim ? claim.portCount : 1) - 1 };
}

function pieceOf(claim: RangeClaim, first: number, last: number, known: Piece | undefined): Piece {
  if (known !== undefined && known.claim === claim && known.last === last) return known;
  return { claim, first, last, entry: stretchOf(claim, first, last) };
}

export function stretchOf<Claim extends RangeClaim>(claim: Claim, first: number, last: number): Claim;
export function stretchOf(claim: RangeClaim, first: number, last: number): RangeClaim {
  const offset = first - claim.tuple.port;
  const portCount = last - first + 1;
  if (offset === 0 && portCount === claim.portCount) return claim;
  const tuple: Tuple = { ...claim.tuple, port: portBehind(claim.tuple.port, offset) };
  if (claim.kind === 'PodSourcePort') {
    const snat = { ...claim.snat, port: portBehind(claim.snat.port, offset) };
    return { ...claim, key: podSourcePortKey(tuple, portCount), tuple, portCount, snat };
  }
  const endpoint = { ...claim.endpoint, port: portBehind(claim.endpoint.port, offset) };
  return { ...claim, key: spanKey(tuple, portCount), tuple, portCount, endpoint };
}

/** The key of the taken ports from `first` to `last`. */
function lostPorts({ by, ...span }: Taken, first: number, last: number): string {
  return isRange(by) ? stretchOf(by, Math.max(span.first, first), Math.min(span.last, last)).key : by.key;
}
