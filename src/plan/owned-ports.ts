import type { HostListener } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { PlanEntry } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';
import { isPortClaim, spanOf } from './port-claims.ts';
import { isLoopback } from './service.ts';

/** Ports of this node that somebody has. */
export interface OwnedPorts extends PortSpan {
  readonly family: Family;
  readonly protocol: Protocol;
  /** Null: on every address. */
  readonly address: IpAddress | null;
}

/** Follows which ports of this node's addresses Services and pods have. */
export class PortOwners {
  readonly #byKey = new Map<string, OwnedPorts>();
  readonly #excluded: readonly PortSpan[];
  #revision = -1;
  #local: ReadonlySet<IpAddress> = new Set();

  /** @param excluded ports that are never given to translated connections, so that nobody asks who has them */
  constructor(excluded: readonly PortSpan[]) {
    this.#excluded = excluded;
  }

  /**
   * Follows the plan, at the cost of what changed.
   *
   * @param local the addresses of this node; another object when they may have changed
   * @returns true when something changed
   */
  follow(
    plan: Pick<NatPlan, 'entry' | 'entries' | 'changedSince' | 'revision'>,
    local: ReadonlySet<IpAddress>,
  ): boolean {
    const changed = this.#local === local ? plan.changedSince(this.#revision) : null;
    this.#local = local;
    this.#revision = plan.revision;
    if (changed !== null) return [...changed].filter((key) => this.#put(key, plan.entry(key))).length > 0;
    this.#byKey.clear();
    for (const entry of plan.entries()) this.#put(entry.key, entry);
    return true;
  }

  owned(): Iterable<OwnedPorts> {
    return this.#byKey.values();
  }

  #put(key: string, entry: PlanEntry | undefined): boolean {
    const before = this.#byKey.get(key);
    const now = entry === undefined ? null : this.#ownedBy(entry);
    if (now === null) return this.#byKey.delete(key);
    this.#byKey.set(key, now);
    return before?.first !== now.first || before.last !== now.last;
  }

  #ownedBy(entry: PlanEntry): OwnedPorts | null {
    if (!isPortClaim(entry) || entry.kind === 'PodSourcePort') return null;
    const { address, protocol } = entry.tuple;
    if (!this.#local.has(address)) return null;
    const span = spanOf(entry);
    if (this.#excluded.some(({ first, last }) => span.first >= first && span.last <= last)) return null;
    return { family: familyOf(address), protocol, address, ...span };
  }
}

/** The ports of the host's own sockets; those that only the host itself can reach are nobody's outside. */
export function* listenedPorts(listeners: readonly HostListener[]): Generator<OwnedPorts> {
  for (const { protocol, port, address, families } of listeners) {
    if (address !== null && isLoopback(address)) continue;
    for (const family of families) yield { family, protocol, address, first: port, last: port };
  }
}
