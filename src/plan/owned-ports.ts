import type { HostListener } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import { isLoopback } from '../net/special-address.ts';
import type { PlanEntry } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';
import { isPortClaim, spanOf } from './port-claims.ts';

/** Ports of this node that have an owner. */
export interface OwnedPorts extends PortSpan {
  readonly family: Family;
  readonly protocol: Protocol;
  /** Namespace of the owning Service or pod; null: a socket of the host, or a port mapping. */
  readonly namespace: string | null;
}

/** The ports of this node's addresses that Services and pods own. */
export class PortOwners {
  readonly #byKey = new Map<string, OwnedPorts>();
  #revision = -1;
  #local: ReadonlySet<IpAddress> = new Set();

  /**
   * Costs only what changed. Returns true if an owner of wanted ports may have changed.
   * @param local the addresses of this node; another object when they may have changed
   * @param wanted the ports that translated connections may have
   */
  follow(
    plan: Pick<NatPlan, 'entry' | 'entries' | 'changedSince' | 'revision'>,
    local: ReadonlySet<IpAddress>,
    wanted: readonly PortSpan[],
  ): boolean {
    const changed = this.#local === local ? plan.changedSince(this.#revision) : null;
    this.#local = local;
    this.#revision = plan.revision;
    if (changed !== null) {
      let isWanted = false;
      for (const key of changed) isWanted = this.#put(key, plan.entry(key), wanted) || isWanted;
      return isWanted;
    }
    this.#byKey.clear();
    for (const entry of plan.entries()) this.#put(entry.key, entry, wanted);
    return true;
  }

  owned(): Iterable<OwnedPorts> {
    return this.#byKey.values();
  }

  /** True if an owner of wanted ports changed. */
  #put(key: string, entry: PlanEntry | undefined, wanted: readonly PortSpan[]): boolean {
    const now = entry === undefined ? null : this.#ownedBy(entry);
    const before = this.#byKey.get(key) ?? null;
    if (before === null && now === null) return false;
    if (now === null) this.#byKey.delete(key);
    else this.#byKey.set(key, now);
    const isSame = before?.first === now?.first && before?.last === now?.last;
    const isSameOwner = before?.namespace === now?.namespace;
    return !(isSame && isSameOwner) && (meetsAny(before, wanted) || meetsAny(now, wanted));
  }

  #ownedBy(entry: PlanEntry): OwnedPorts | null {
    if (!isPortClaim(entry) || entry.kind === 'PodSourcePort') return null;
    const { address, protocol } = entry.tuple;
    if (!this.#local.has(address)) return null;
    return { family: familyOf(address), protocol, namespace: entry.owner.namespace, ...spanOf(entry) };
  }
}

/** The ports of listeners, except those on loopback, which only the host itself can reach. */
export function* listenedPorts(listeners: readonly HostListener[]): Generator<OwnedPorts> {
  for (const { protocol, port, address, families } of listeners) {
    if (address !== null && isLoopback(address)) continue;
    for (const family of families) yield { family, protocol, namespace: null, first: port, last: port };
  }
}

function meetsAny(span: PortSpan | null, spans: readonly PortSpan[]): boolean {
  return span !== null && spans.some(({ first, last }) => span.first <= last && span.last >= first);
}
