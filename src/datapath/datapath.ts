import type { FactKind } from '../model/facts.ts';
import type { ObjectRef } from '../model/object.ts';
import type { Family } from '../net/family.ts';
import { type AddressSet, unionOf } from '../net/ranges.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** What this kernel can do, found once. */
export interface Capabilities {
  /** Kernel release, as `uname -r` prints it. */
  readonly kernel: string;
}

/** What one `converge` did to the kernel. */
export interface Report {
  /** The plan's revision that the kernel now matches. */
  readonly revision: number;
  /**
   * `kept`: was right; `loaded`: was not there; `changed`: chains were added, written anew or taken away in the tables that
   * stand; `swapped`: tables with other sets or hooks were replaced.
   */
  readonly skeleton: 'kept' | 'loaded' | 'changed' | 'swapped';
  readonly elementsAdded: number;
  readonly elementsDeleted: number;
  /** What was compared with the kernel: the keys that changed since the last time, or everything that is in it. */
  readonly compared: 'changes' | 'everything';
  /**
   * Keys of entries that the kernel had elements of and the plan does not have, for those who end their flows; null
   * where not everything was compared, or leftovers were kept: what was deleted is not known then.
   */
  readonly gone: ReadonlySet<string> | null;
  /**
   * Sources about whose translation the kernel had something else than the plan says, for those who end their flows. Null
   * as with `gone`, and where nothing of ours was in the kernel.
   */
  readonly changedSources: Readonly<Record<Family, AddressSet>> | null;
  /** More is to be written than one transaction should hold: call again. Only with `stepwise`. */
  readonly isPartial?: true;
  /** Entries that the kernel refuses; all others are programmed. They are tried again when they change. */
  readonly refused: readonly RefusedEntry[];
}

/** An entry of the plan that is not in the kernel, since the kernel does not take it. */
export interface RefusedEntry {
  readonly key: string;
  /** The object behind it; null for what comes from several. */
  readonly owner: ObjectRef | null;
  /** The kernel's name of the error: `EINVAL`. */
  readonly errno: string;
}

/** Objects that could not be read since the start: what they ask for is not known. */
export interface Unread {
  /** Kinds of objects of which some are known to be unread, sorted. */
  readonly kinds: readonly FactKind[];
  /** Objects of unknown kinds are unread: a file that does not parse, a list that fails. */
  readonly anything: boolean;
  /** Namespaces of unread EndpointSlices, sorted. */
  readonly sliceNamespaces: readonly string[];
}

/** True where objects of one of these kinds are, or may be, unread. */
export function isUnread({ kinds, anything }: Unread, of: readonly FactKind[]): boolean {
  return of.length > 0 && (anything || of.some((kind) => kinds.includes(kind)));
}

export interface ConvergeOptions {
  /**
   * Leave in the kernel what is there and comes from objects of these kinds, where the plan does not know better. Null or
   * absent: everything has been read.
   */
  readonly unread?: Unread | null;
  /**
   * Return after one transaction, so that what changes meanwhile is not held up by what is large: small changes come first.
   * Else all is written, in as many transactions as it takes.
   */
  readonly stepwise?: boolean;
}

/** One element in which the kernel and the plan differ. */
export interface ElementChange {
  /** What `converge` would do with it. A value that changed is both: the old one deleted, the new one added. */
  readonly what: 'add' | 'delete';
  /** In the words of nft: `ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }`. */
  readonly element: string;
  /** The key of the plan's entry that it belongs to; null for a leftover. */
  readonly key: string | null;
  /** The object behind the entry; null for what comes from several objects, and for a leftover. */
  readonly owner: ObjectRef | null;
}

/** What `converge` would do. */
export interface Preview {
  readonly skeleton: Report['skeleton'];
  /** Removals first, then in order of their texts. */
  readonly changes: readonly ElementChange[];
}

/** What of ours is in the kernel. */
export interface Observed {
  readonly present: boolean;
  /** Elements by table and set: `ip knat endpoints_1` → count. */
  readonly elements: ReadonlyMap<string, number>;
  /** Nothing is missing, foreign or changed in tables, chains and rules. */
  readonly skeletonIntact: boolean;
}

/** Makes the kernel match the plan. Level-triggered and idempotent. */
export interface Datapath {
  /** Finds out what the kernel can do. Throws Unsupported or Denied, with a remedy. */
  probe(signal: AbortSignal): Promise<Capabilities>;
  /** Makes the kernel match. May be called any number of times; the same plan twice writes nothing. */
  converge(plan: NatPlan, signal: AbortSignal, options?: ConvergeOptions): Promise<Report>;
  /**
   * What `converge` would do; writes nothing. While it runs, `converge` may: it pauses between two sets, and starts
   * again when something changed meanwhile.
   */
  preview(plan: NatPlan, signal: AbortSignal): Promise<Preview>;
  /** Reads back what is ours. */
  inspect(signal: AbortSignal): Promise<Observed>;
  /** Removes all that is ours and nothing else, without other state; returns the names of what it removed. */
  remove(signal: AbortSignal): Promise<readonly string[]>;
  /** Calls back when another program changed what is ours; the next `converge` repairs it. Returns how to stop. */
  watch(onDrift: (what: string) => void): () => void;
}

/** What several steps did together, the last of which is `later`. */
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
