import { addTo } from '../../base/collect.ts';
import type { IpAddress } from '../../net/address.ts';
import type { PortSpan } from '../../net/port.ts';
import type { Tuple } from '../../plan/entry.ts';
import { parsePortsKey } from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';

/** What changed since the table was last searched for stale flows. */
export interface FlowChanges {
  /** Frontends and bindings of the plan, by key; null: not known, all of them. */
  readonly keys: ReadonlySet<string> | null;
  /** Keys of what was translated, and is no more. */
  readonly gone: ReadonlySet<string>;
  /** Null: `gone` is known to be all. */
  readonly compare: Comparison | null;
}

/**
 * For flows that an earlier agent translated and of which the kernel has no elements: flows to addresses that only Services
 * have are compared with the plan.
 */
export interface Comparison {
  /** This node's addresses: other programs translate what is sent to them, too. */
  readonly localAddresses: ReadonlySet<IpAddress>;
  /** The kernel had no elements, so that NodePorts are not known either. */
  readonly isLost: boolean;
}

/** What was dialled, by the keys of frontends and bindings. */
export class DialledTuples {
  readonly #ports = new Map<string, PortSpan[]>();

  /** @param keys those of other entries are passed over */
  constructor(keys: Iterable<string>) {
    for (const key of keys) {
      const dialled = parsePortsKey(key);
      if (dialled === null) continue;
      const { tuple, portCount } = dialled;
      const span = { first: tuple.port, last: tuple.port + portCount - 1 };
      addTo(this.#ports, laneOf(tuple), span);
    }
  }

  get isEmpty(): boolean {
    return this.#ports.size === 0;
  }

  has(tuple: Tuple): boolean {
    if (this.isEmpty) return false;
    const { port } = tuple;
    return this.#ports.get(laneOf(tuple))?.some(({ first, last }) => first <= port && port <= last) ?? false;
  }
}

function laneOf({ address, protocol }: Tuple): string {
  return `${address}/${protocol}`;
}

/** What one converge says of what it did: `Report` of datapath.ts. */
interface Converged {
  readonly revision: number;
  readonly skeleton: 'kept' | 'loaded' | 'changed' | 'swapped';
  readonly gone: ReadonlySet<string> | null;
}

/** Collects, from what each `converge` did, which flows may be stale. */
export class FlowChangeNotes {
  #noted: FlowChanges | null = null;
  #revision: number | null = null;
  /** What was in the kernel before has not been compared with the plan as a whole. */
  #isFormerUnknown = true;
  #isFormerLost = false;

  /** Call it after every converge. */
  note(
    plan: Pick<NatPlan, 'entry' | 'changedSince'>,
    { revision, skeleton, gone: goneFromKernel }: Converged,
    localAddresses: Iterable<IpAddress>,
  ): void {
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    if (this.#revision === null) this.#isFormerLost = skeleton === 'loaded';
    this.#revision = revision;
    const keys = changed === null ? null : new Set<string>();
    const gone = new Set<string>();
    for (const key of [...(goneFromKernel ?? []), ...(changed ?? [])]) {
      const kind = plan.entry(key)?.kind;
      if (kind === 'PodReservation') keys?.add(key); // nothing comes in, but its port is its own
      if (kind === 'ServiceFrontend' || kind === 'PodBinding') keys?.add(key);
      else if (parsePortsKey(key) !== null) gone.add(key);
    }
    let compare: Comparison | null = null;
    if (this.#isFormerUnknown && goneFromKernel !== null) {
      this.#isFormerUnknown = false;
      compare = { localAddresses: new Set(localAddresses), isLost: this.#isFormerLost };
    }
    if (keys?.size !== 0 || gone.size > 0 || compare !== null) this.add({ keys, gone, compare });
  }

  /** Puts back what was taken in vain. */
  add(changes: FlowChanges): void {
    const noted = this.#noted;
    this.#noted = {
      keys: noted?.keys === null || changes.keys === null ? null : union(noted?.keys, changes.keys),
      gone: union(noted?.gone, changes.gone),
      compare: noted?.compare ?? changes.compare,
    };
  }

  get isEmpty(): boolean {
    return this.#noted === null;
  }

  /** All that was noted since it was last taken; null: nothing. */
  take(): FlowChanges | null {
    const noted = this.#noted;
    this.#noted = null;
    return noted;
  }
}

function union(some: ReadonlySet<string> = new Set(), more: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...some, ...more]);
}
