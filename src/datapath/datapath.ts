import type { FactKind } from '../model/facts.ts';
import type { ObjectRef } from '../model/object.ts';
import type { Family } from '../net/family.ts';
import { type AddressSet, unionOf } from '../net/ranges.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** What this kernel supports, probed once. */
export interface Capabilities {
  /** As `uname -r` prints it. */
  readonly kernel: string;
}

/** What one `converge` did. */
export interface Report {
  /** The plan revision that the kernel now matches. */
  readonly revision: number;
  /**
   * `kept`: was right; `loaded`: was missing; `changed`: chains were added, rewritten or removed; `swapped`: tables
   * with other sets or hooks were replaced.
   */
  readonly skeleton: 'kept' | 'loaded' | 'changed' | 'swapped';
  readonly elementsAdded: number;
  readonly elementsDeleted: number;
  /** What was compared with the kernel: keys changed since the last call, or everything. */
  readonly compared: 'changes' | 'everything';
  /** Keys that the kernel had and the plan lacks; null when not all was compared or leftovers were kept. */
  readonly gone: ReadonlySet<string> | null;
  /** Sources whose translation changed. Null as with `gone`, and when the kernel had nothing of ours. */
  readonly changedSources: Readonly<Record<Family, AddressSet>> | null;
  /** More changes remain than one transaction should hold: call again. Only with `stepwise`. */
  readonly isPartial?: true;
  /** Entries that the kernel refuses, tried again when they change. All others are programmed. */
  readonly refused: readonly RefusedEntry[];
}

/** An entry of the plan that the kernel does not accept. */
export interface RefusedEntry {
  readonly key: string;
  /** The object behind it; null when several are. */
  readonly owner: ObjectRef | null;
  /** The kernel's name of the error: `EINVAL`. */
  readonly errno: string;
}

/** Objects that could not be read since the start, so that their requests are unknown. */
export interface Unread {
  /** Kinds of objects of which some are known to be unread, sorted. */
  readonly kinds: readonly FactKind[];
  /** Objects of unknown kinds are unread: a file does not parse, or a list fails. */
  readonly anything: boolean;
  /** Namespaces of unread EndpointSlices, sorted. */
  readonly sliceNamespaces: readonly string[];
}

/** True where objects of one of these kinds are, or may be, unread. */
export function isUnread({ kinds, anything }: Unread, of: readonly FactKind[]): boolean {
  return of.length > 0 && (anything || of.some((kind) => kinds.includes(kind)));
}

export interface ConvergeOptions {
  /** Keep what comes from objects of these kinds, unless the plan decides otherwise. Null, absent: none is unread. */
  readonly unread?: Unread | null;
  /** Return after one transaction, so that a large change does not delay small ones. */
  readonly stepwise?: boolean;
}

/** One element that differs between kernel and plan. */
export interface ElementChange {
  /** A changed value appears twice: the old one deleted, the new one added. */
  readonly what: 'add' | 'delete';
  /** In nft syntax: `ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }`. */
  readonly element: string;
  /** The key of the plan's entry; null for a leftover. */
  readonly key: string | null;
  /** The object behind the entry; null when several are, and for a leftover. */
  readonly owner: ObjectRef | null;
}

export interface Preview {
  readonly skeleton: Report['skeleton'];
  /** Removals first, then sorted by text. */
  readonly changes: readonly ElementChange[];
}

/** Our objects in the kernel. */
export interface Observed {
  readonly present: boolean;
  /** Elements by table and set: `ip knat endpoints_few` → count. */
  readonly elements: ReadonlyMap<string, number>;
  /** No table, chain or rule is missing, foreign or changed. */
  readonly skeletonIntact: boolean;
}

/** Makes the kernel match the plan. Level-triggered and idempotent. */
export interface Datapath {
  /** Probes the kernel. Throws Unsupported or Denied, with a remedy. */
  probe(signal: AbortSignal): Promise<Capabilities>;
  /** May be called any number of times; the same plan twice writes nothing. */
  converge(plan: NatPlan, signal: AbortSignal, options?: ConvergeOptions): Promise<Report>;
  /** What `converge` would do; writes nothing. `converge` may run meanwhile: a change restarts the comparison. */
  preview(plan: NatPlan, signal: AbortSignal): Promise<Preview>;
  inspect(signal: AbortSignal): Promise<Observed>;
  /** Removes only our objects, without needing other state; returns their names. */
  remove(signal: AbortSignal): Promise<readonly string[]>;
  /** Calls back when another program changed our objects; the next `converge` repairs them. Returns how to stop. */
  watch(onDrift: (what: string) => void): () => void;
}

/** Merges the reports of several steps, the last of which is `later`. */
export function together(earlier: Report | null, later: Report): Report {
  if (earlier === null) return later;
  return {
    ...later,
    skeleton: earlier.skeleton === 'kept' ? later.skeleton : earlier.skeleton,
    elementsAdded: earlier.elementsAdded + later.elementsAdded,
    elementsDeleted: earlier.elementsDeleted + later.elementsDeleted,
    compared: earlier.compared === 'everything' ? 'everything' : later.compared,
    gone: both(earlier.gone, later.gone, (a, b) => new Set([...a, ...b])),
    changedSources: both(earlier.changedSources, later.changedSources, unionOfBoth),
  };
}

function both<Value>(a: Value | null, b: Value | null, join: (a: Value, b: Value) => Value): Value | null {
  return a === null || b === null ? (a ?? b) : join(a, b);
}

function unionOfBoth(
  a: Readonly<Record<Family, AddressSet>>,
  b: Readonly<Record<Family, AddressSet>>,
): Record<Family, AddressSet> {
  const union = (family: Family) => unionOf(family, [...a[family].ranges, ...b[family].ranges]);
  return { IPv4: union('IPv4'), IPv6: union('IPv6') };
}
