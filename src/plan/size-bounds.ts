import { findingOf, type Notice } from '../model/finding.ts';
import { type ObjectRef, objectKey } from '../model/object.ts';
import { compareText } from '../model/text.ts';
import { type AddressSet, blockCount } from '../net/ranges.ts';
import type { PlanEntry, PodBinding, PodReservation, ServiceFrontend } from './entry.ts';
import type { Fragment } from './fragment.ts';

/**
 * The limits of the kernel's sets of ranges. For each change the kernel copies the whole set: about 10 µs for each
 * element of IPv4 and 40 µs for each of IPv6. docs/pod-nat.md, "How many".
 */
export interface SizeLimits {
  /** Networks in one list of sources, neighbours joined. */
  readonly networksPerList: number;
  /** Networks in the different lists of a namespace's Services and Pods. */
  readonly networksPerNamespace: number;
  readonly networksPerNode: number;
  /** Ports and port ranges at addresses of the node that a namespace's Pods bind. */
  readonly entriesPerNamespace: number;
  readonly entriesPerNode: number;
}

interface Claimant {
  readonly name: string;
  readonly fragment: Fragment;
  readonly owner: ObjectRef;
  readonly createdAt: number;
}

/**
 * The part of an object that does not fit, each with the exceeded limit: keys of entries that are left out, and names
 * of lists that are emptied, so that no source is allowed.
 */
type Verdict = ReadonlyMap<string, Limit>;

type Limit = keyof typeof REASONS;

const EVERYTHING_FITS: Verdict = new Map();
const NOTHING: ReadonlyMap<string, Fragment> = new Map();

const REASONS = {
  networksPerNamespace: (limit: number, namespace: string) =>
    `Services and Pods of namespace ${namespace} may have ${limit} networks in their lists of sources on a node (--max-source-networks-per-namespace)`,
  networksPerNode: (limit: number) =>
    `a node has room for ${limit} networks in lists of sources (--max-source-networks-per-node)`,
  entriesPerNamespace: (limit: number, namespace: string) =>
    `Pods of namespace ${namespace} may bind ${limit} ports and port ranges on a node (--pod-nat-max-entries-per-namespace)`,
  entriesPerNode: (limit: number) =>
    `a node has room for ${limit} ports and port ranges of Pods (--pod-nat-max-entries-per-node)`,
} as const;

/**
 * Limits what objects add to the kernel's sets of ranges. Older objects come first, then kind and name. What does not
 * fit is left out; later objects may still fit. A list of sources that does not fit is emptied: no source is allowed.
 * The result depends on the fragments alone.
 */
export class SizeBounds {
  readonly #limits: SizeLimits;
  readonly #claimants = new Map<string, Claimant>();
  readonly #verdicts = new Map<string, Verdict>();
  #changed = new Map<string, Fragment>();
  #isDirty = false;

  constructor(limits: SizeLimits) {
    this.#limits = limits;
  }

  /** False if limits do not concern the fragment; else it takes part in the next `settle`. */
  put(name: string, fragment: Fragment): boolean {
    const claim = fragment.entries.find(isLimited);
    if (claim === undefined) {
      this.#changed.delete(name);
      if (this.#claimants.delete(name)) this.#isDirty = true;
      return false;
    }
    this.#isDirty = true;
    this.#changed.set(name, fragment);
    const { owner, createdAt } = claim;
    this.#claimants.set(name, { name, fragment, owner, createdAt });
    return true;
  }

  /** The fragments that changed since the last call, each without what does not fit. */
  settle(): ReadonlyMap<string, Fragment> {
    if (!this.#isDirty) return NOTHING;
    this.#isDirty = false;
    const changed = this.#changed;
    this.#changed = new Map();
    const room = new Room(this.#limits);
    const before = new Map(this.#verdicts);
    this.#verdicts.clear();
    for (const claimant of [...this.#claimants.values()].sort(byAge)) {
      const { name, fragment, owner } = claimant;
      const verdict = room.judge(fragment.entries, owner.namespace);
      if (verdict.size > 0) this.#verdicts.set(name, verdict);
      const old = before.get(name) ?? EVERYTHING_FITS;
      if (changed.has(name) || !isSame(old, verdict)) {
        changed.set(name, bounded(claimant, verdict, this.#limits));
      }
    }
    return changed;
  }
}

/** Counts what is used while objects are judged one after the other. */
class Room {
  readonly #limits: SizeLimits;
  readonly #node = emptyUse();
  readonly #namespaces = new Map<string, Use>();

  constructor(limits: SizeLimits) {
    this.#limits = limits;
  }

  judge(entries: readonly PlanEntry[], namespace: string): Verdict {
    const verdict = new Map<string, Limit>();
    const use = this.#namespaces.get(namespace) ?? emptyUse();
    this.#namespaces.set(namespace, use);
    for (const entry of entries) {
      if (!isLimited(entry)) continue;
      const met = isPods(entry) ? this.#addEntry(use) : null;
      if (met !== null) {
        verdict.set(entry.key, met);
        continue;
      }
      const sources = sourcesOf(entry);
      if (sources === null) continue;
      const list = nameOf(sources);
      const limit = verdict.has(list) ? null : this.#addList(use, list, sources);
      if (limit !== null) verdict.set(list, limit);
    }
    return verdict;
  }

  #addEntry(use: Use): Limit | null {
    if (use.entries >= this.#limits.entriesPerNamespace) return 'entriesPerNamespace';
    if (this.#node.entries >= this.#limits.entriesPerNode) return 'entriesPerNode';
    use.entries++;
    this.#node.entries++;
    return null;
  }

  /** Equal lists count once. */
  #addList(use: Use, list: string, sources: AddressSet): Limit | null {
    if (use.lists.has(list)) return null;
    const networks = blockCount(sources);
    const isNew = !this.#node.lists.has(list);
    if (use.networks + networks > this.#limits.networksPerNamespace) return 'networksPerNamespace';
    if (isNew && this.#node.networks + networks > this.#limits.networksPerNode) return 'networksPerNode';
    use.lists.add(list);
    use.networks += networks;
    if (!isNew) return null;
    this.#node.lists.add(list);
    this.#node.networks += networks;
    return null;
  }
}

interface Use {
  readonly lists: Set<string>;
  networks: number;
  entries: number;
}

function emptyUse(): Use {
  return { lists: new Set(), networks: 0, entries: 0 };
}

type Limited = ServiceFrontend | PodBinding | PodReservation;

function isLimited(entry: PlanEntry): entry is Limited {
  return isPods(entry) || (entry.kind === 'ServiceFrontend' && entry.sourceRanges !== null);
}

function isPods(entry: PlanEntry): entry is PodBinding | PodReservation {
  return entry.kind === 'PodBinding' || entry.kind === 'PodReservation';
}

function sourcesOf(entry: PlanEntry): AddressSet | null {
  return 'sourceRanges' in entry ? entry.sourceRanges : null;
}

const names = new WeakMap<AddressSet, string>();

function nameOf(sources: AddressSet): string {
  let name = names.get(sources);
  if (name === undefined) {
    const texts = sources.ranges.map(({ first, last }) => `${first.toString(36)}-${last.toString(36)}`);
    name = `${sources.family} ${texts.join()}`;
    names.set(sources, name);
  }
  return name;
}

function byAge(a: Claimant, b: Claimant): number {
  return a.createdAt - b.createdAt || compareText(a.owner.kind, b.owner.kind) || compareText(a.name, b.name);
}

function isSame(a: Verdict, b: Verdict): boolean {
  return a.size === b.size && [...a].every(([key, limit]) => b.get(key) === limit);
}

function bounded({ fragment, owner }: Claimant, verdict: Verdict, limits: SizeLimits): Fragment {
  if (verdict.size === 0) return fragment;
  const name = objectKey(owner.namespace, owner.name);
  const entries = fragment.entries
    .filter(({ key }) => !verdict.has(key))
    .map((entry): PlanEntry => {
      const sources = sourcesOf(entry);
      if (sources === null || !verdict.has(nameOf(sources))) return entry;
      return { ...entry, sourceRanges: { family: sources.family, ranges: [] } } as PlanEntry;
    });
  const met = [...verdict.values()];
  const dropped = met.filter((limit) => limit.startsWith('entries'));
  const closed = met.filter((limit) => limit.startsWith('networks'));
  const notice = (met: Iterable<Limit>, what: string): Notice[] =>
    [...new Set(met)].map((limit) => {
      const reason = REASONS[limit](limits[limit], owner.namespace);
      return findingOf('NatRestricted', owner, `${reason}, and older objects have them: ${what}`);
    });
  return {
    entries,
    notices: [
      ...fragment.notices,
      ...notice(dropped, `${dropped.length} ports or port ranges of ${name} are not bound`),
      ...notice(closed, `${closed.length} of its lists of sources now allow no source`),
    ],
  };
}
