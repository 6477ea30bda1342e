import { addTo } from '../../base/collect.ts';
import type { IpAddress } from '../../net/address.ts';
import type { PortSpan } from '../../net/port.ts';
import type { Tuple } from '../../plan/entry.ts';
import { parsePortsKey } from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';

/** What changed since the table was last searched for stale flows. */
export interface FlowChanges {
  /** Keys of frontends and bindings; null: unknown, treat all as changed. */
  readonly keys: ReadonlySet<string> | null;
  /** Keys of entries that were translated and are gone. */
  readonly gone: ReadonlySet<string>;
  /** Null: `gone` is known to be complete. */
  readonly compare: Comparison | null;
}

/** For flows that an earlier agent translated, without elements in the kernel: only to Service-only addresses. */
export interface Comparison {
  /** This node's addresses, which other programs may translate too. */
  readonly localAddresses: ReadonlySet<IpAddress>;
  /** The kernel had no elements, so flows to NodePorts are compared too. */
  readonly isLost: boolean;
}

/** The dialled tuples of frontends and bindings. */
export class DialledTuples {
  readonly #ports = new Map<string, PortSpan[]>();

  /** @param keys keys of other entries are ignored */
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

/** The part of `Report` (datapath.ts) that is needed here. */
interface Converged {
  readonly skeleton: 'kept' | 'loaded' | 'changed' | 'swapped';
  readonly gone: ReadonlySet<string> | null;
  readonly compared: 'changes' | 'everything';
  readonly elementsAdded: number;
}

/** Changes until they are taken: they grow with each converge, and are not copied. */
interface Noted extends FlowChanges {
  keys: Set<string> | null;
  readonly gone: Set<string>;
  compare: Comparison | null;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** Collects from each `converge` which flows may be stale. */
export class FlowChangeNotes {
  #noted: Noted | null = null;
  #isFirst = true;
  /** The kernel's former content has not been compared with the whole plan. */
  #isFormerUnknown = true;
  #isFormerLost = false;

  /** Call it after every converge. @param changed keys that changed since the converge before; null: any may have */
  note(
    plan: Pick<NatPlan, 'entry'>,
    changed: ReadonlySet<string> | null,
    { skeleton, gone: goneFromKernel, compared, elementsAdded }: Converged,
    localAddresses: Iterable<IpAddress>,
  ): void {
    // Somebody had removed rules or elements: what began meanwhile was not translated.
    if (compared === 'everything' && (skeleton !== 'kept' || elementsAdded > 0)) this.#all();
    if (this.#isFirst) this.#isFormerLost = skeleton === 'loaded';
    this.#isFirst = false;
    if (changed === null) this.#all();
    for (const key of goneFromKernel ?? NO_KEYS) this.#noteKey(plan, key);
    for (const key of changed ?? NO_KEYS) this.#noteKey(plan, key);
    if (this.#isFormerUnknown && goneFromKernel !== null) {
      this.#isFormerUnknown = false;
      this.#own().compare ??= { localAddresses: new Set(localAddresses), isLost: this.#isFormerLost };
    }
  }

  /** Puts back changes that were taken but not handled. */
  add({ keys, gone, compare }: FlowChanges): void {
    const noted = this.#own();
    if (keys === null) this.#all();
    for (const key of keys ?? NO_KEYS) noted.keys?.add(key);
    for (const key of gone) noted.gone.add(key);
    noted.compare ??= compare;
  }

  #noteKey(plan: Pick<NatPlan, 'entry'>, key: string): void {
    const kind = plan.entry(key)?.kind;
    if (kind === 'PodReservation') this.#own().keys?.add(key); // it receives nothing, but owns its port
    if (kind === 'ServiceFrontend' || kind === 'PodBinding') this.#own().keys?.add(key);
    else if (parsePortsKey(key) !== null) this.#own().gone.add(key);
  }

  #all(): void {
    this.#own().keys = null;
  }

  #own(): Noted {
    this.#noted ??= { keys: new Set(), gone: new Set(), compare: null };
    return this.#noted;
  }

  get isEmpty(): boolean {
    return this.#noted === null;
  }

  /** Returns and clears what was noted; null: nothing. */
  take(): FlowChanges | null {
    const noted = this.#noted;
    this.#noted = null;
    return noted;
  }
}
