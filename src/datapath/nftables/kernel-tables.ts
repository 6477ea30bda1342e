import { FAMILIES, type Family } from '../../net/family.ts';
import { latin1 } from '../../wire/bytes.ts';
import { Rejected, Unsupported } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import type { Report } from '../datapath.ts';
import { type EgressChains, egressChainsFrom, plainEgress } from './egress.ts';
import { elementComparison } from './element.ts';
import { carriedOver, FORMER_MAPS, type FormerElement } from './former-layout.ts';
import { FoundElements, hasRecords } from './found-elements.ts';
import { GONE_TABLE } from './gone-table.ts';
import { neededBy, needsOfChains, PARTS } from './needs.ts';
import { anyNetworks, networksIn } from './networks.ts';
import { fromKernel } from './range-elements.ts';
import { setAttributesOf } from './ruleset/attributes.ts';
import { type ChainChanges, chainChanges, contentOf, contentOfDump, isNothing } from './ruleset/content.ts';
import { addTable, changeChains, removeChains } from './ruleset/netlink.ts';
import type { TableNode } from './ruleset/nodes.ts';
import { nftFamily } from './ruleset/text.ts';
import { allSets, SET_NAMES, type SetRow, setsOf } from './sets.ts';
import { type SkeletonVariant, skeleton, TABLE } from './skeleton.ts';

/** A second copy of our tables, which does the work while the first is replaced. */
export const SWAP_TABLE = 'knat_swap';
/** A dormant copy that agents before this one loaded and took away; a kill in between left it. */
const REFERENCE_TABLE = 'knat_reference';
/** What the kernel is asked about; it is never made. */
const PROBE_TABLE = 'knat_probe';

/** Every table name that is ours. */
export const OUR_TABLES: readonly string[] = [TABLE, SWAP_TABLE, REFERENCE_TABLE, GONE_TABLE];

/** How the tables stand to what they should be. */
export type SkeletonState =
  /** Both are missing. */
  | { readonly kind: 'absent' }
  /** One is missing, or its sets or hooks are others. */
  | { readonly kind: 'other' }
  /** Right but for these chains; `isIntact` where there are none. */
  | { readonly kind: 'ours'; readonly isIntact: boolean; readonly changes: FamilyChanges };

/** How often a reading is begun anew when somebody else changes the ruleset meanwhile. */
export const ATTEMPTS = 10;

/** What is to be done to the tables. */
export function workOn(state: SkeletonState): Report['skeleton'] {
  if (state.kind === 'absent') return 'loaded';
  if (state.kind === 'other') return 'swapped';
  return state.isIntact ? 'kept' : 'changed';
}

/** Of each family, the chains that differ and what they should be. */
export type FamilyChanges = ReadonlyMap<Family, { readonly to: TableNode; readonly chains: ChainChanges }>;

/** Our tables of both families as wholes: how they stand, loading, changing and removing them. */
export class KernelTables {
  readonly #connection: NftablesConnection;

  constructor(connection: NftablesConnection) {
    this.#connection = connection;
  }

  /**
   * Has the kernel try all that the skeleton needs; changes nothing, and nothing can be left behind.
   * Throws Unsupported, which names what is missing.
   */
  check(): void {
    const egress = { interfaceFilter: 'eth+', hasAddress: true };
    const variant = { timeouts: [1], parts: new Set(PARTS), egress, networks: anyNetworks };
    const batch = new Batch();
    for (const family of FAMILIES) {
      addTable(batch, skeleton(family, variant), PROBE_TABLE, { dormant: true });
    }
    try {
      this.#connection.check(batch);
    } catch (error) {
      if (!(error instanceof Rejected || error instanceof Unsupported)) throw error;
      throw kernelLacks(error);
    }
  }

  /** Compares every chain, set and rule with what the variant says; writes nothing. */
  state(variant: SkeletonVariant): SkeletonState {
    const dumps = FAMILIES.map((family) => this.#connection.dump(nftFamily[family], TABLE));
    if (dumps.every((dump) => dump === null)) return { kind: 'absent' };
    const changes = new Map<Family, { to: TableNode; chains: ChainChanges }>();
    for (const [index, family] of FAMILIES.entries()) {
      const dump = dumps[index];
      if (dump === null || dump === undefined) return { kind: 'other' };
      const to = skeleton(family, variant);
      const chains = chainChanges(contentOfDump(dump), contentOf(to));
      if (chains === null) return { kind: 'other' };
      changes.set(family, { to, chains });
    }
    return ours(changes);
  }

  /** What the chains of our table may be made for, as its chains and these elements tell. */
  variants(elements: FoundElements): readonly SkeletonVariant[] {
    const names = this.#connection.chains(nftFamily.IPv4, TABLE).map(({ name = '' }) => name);
    const needed = neededBy(needsOfChains(names));
    const egress = this.egress();
    return [networksIn(elements.others), anyNetworks].map((networks) => ({ ...needed, egress, networks }));
  }

  /** What the egress chains of our table are made for: the interface that the last rules ask for. */
  egress(): EgressChains {
    if (!this.#has('IPv4', TABLE)) return plainEgress;
    return egressChainsFrom(this.#connection.rules(nftFamily.IPv4, TABLE));
  }

  /** Replaces (or creates) the tables of this name in both families by empty ones. */
  load(batch: Batch, table: string, variant: SkeletonVariant): void {
    for (const family of FAMILIES) {
      if (this.#has(family, table)) batch.deleteTable(nftFamily[family], table);
      addTable(batch, skeleton(family, variant), table);
    }
  }

  /** What `affinity_clients` of our tables remembers, each with the time that it has left. */
  affinityClients(): Map<Family, SetElement[]> {
    const clients = new Map<Family, SetElement[]>();
    for (const family of FAMILIES) {
      const known = new Map<string, SetElement>();
      for (const table of [SWAP_TABLE, TABLE]) {
        if (!this.#readable(family, table).has('affinity_clients')) continue;
        const found = this.#connection.elementsOfPackets(nftFamily[family], table, 'affinity_clients');
        // Of two with one key the one that packets find lives on, and so ends later.
        found.sort((a, b) => (a.expirationMs ?? 0) - (b.expirationMs ?? 0));
        for (const { key, data, expirationMs } of found) {
          if (data === undefined || expirationMs === undefined) continue;
          known.set(latin1(key), { key, data, timeoutMs: expirationMs });
        }
      }
      clients.set(family, [...known.values()]);
    }
    return clients;
  }

  /**
   * Removes every table of ours but those of the names to keep, with `generation` only when the ruleset is still of it;
   * gives the names of what was removed.
   */
  remove(keep: readonly string[] = [], options: { readonly generation?: number } = {}): string[] {
    const batch = new Batch();
    const removed: string[] = [];
    for (const family of FAMILIES) {
      for (const { name } of this.#connection.tables(nftFamily[family])) {
        if (name === undefined || !OUR_TABLES.includes(name) || keep.includes(name)) continue;
        batch.deleteTable(nftFamily[family], name);
        removed.push(`${nftFamily[family]} ${name}`);
      }
    }
    this.#connection.commit(batch, options);
    return removed;
  }

  /** The elements of our sets in both families, of the sets that are there; of a version before, as they are placed now. */
  read(table: string = TABLE): FoundElements {
    const found = new FoundElements();
    for (const _ of this.readStepwise(found, table));
    const former = this.#former(table);
    return former.length === 0 ? found : FoundElements.of(carriedOver([...found], former));
  }

  /** The elements of maps that versions before had. */
  #former(table: string): FormerElement[] {
    return FAMILIES.flatMap((family) => {
      if (!this.#has(family, table)) return [];
      const names = new Set(this.#connection.sets(nftFamily[family], table).map(({ name }) => name));
      return FORMER_MAPS.filter((map) => names.has(map)).flatMap((map) =>
        this.#connection
          .elements(nftFamily[family], table, map)
          .map((element): FormerElement => ({ family, map, element })),
      );
    });
  }

  /**
   * `own` are the elements of our tables, `found` those and what stands aside: an agent that was killed while it replaced a
   * table may have left the elements in the other, which goes away.
   */
  readWithAside(): { readonly own: FoundElements; readonly found: FoundElements } {
    const own = this.read();
    const aside = this.read(SWAP_TABLE);
    if (aside.isEmpty) return { own, found: own };
    const all = [...aside, ...own].map((placed) => [elementComparison.identity(placed), placed] as const);
    return { own, found: FoundElements.of(new Map(all).values()) };
  }

  /** As `read`, set by set, so that others may work in between. */
  *readStepwise(into: FoundElements, table: string = TABLE): Generator<undefined, void, undefined> {
    for (const family of FAMILIES) {
      const readable = this.#readable(family, table);
      for (const set of SET_NAMES) {
        if (!readable.has(set)) continue;
        this.#readSet(setsOf(family)[set], table, into);
        yield;
      }
    }
  }

  #readSet(row: SetRow, table: string, into: FoundElements): void {
    const { family, name, width, valueWidth } = row;
    if (hasRecords(row)) {
      const records = this.#connection.records(nftFamily[family], table, name, width, valueWidth);
      if (records !== null) {
        into.records.set(row, records);
        return;
      }
    }
    const elements = this.#connection.elements(nftFamily[family], table, name);
    into.addElements(row, fromKernel(row, elements));
  }

  /** The names of the sets whose elements mean what ours mean; another version may lack some, or have others. */
  #readable(family: Family, table: string): ReadonlySet<string> {
    if (!this.#has(family, table)) return new Set();
    const ours = new Map(allSets(family).map((set) => [set.name, setAttributesOf(set)]));
    const sets = this.#connection.sets(nftFamily[family], table).filter((there) => {
      const set = ours.get(there.name ?? '');
      return (
        set !== undefined &&
        set.flags === (there.flags ?? 0) &&
        set.keyType === there.keyType &&
        set.keyLength === there.keyLength &&
        set.dataType === there.dataType
      );
    });
    return new Set(sets.map(({ name = '' }) => name));
  }

  #has(family: Family, table: string): boolean {
    return this.#connection.tables(nftFamily[family]).some(({ name }) => name === table);
  }
}

/** The chains that differ between two variants of our own. */
export function changesBetween(from: SkeletonVariant, to: SkeletonVariant): FamilyChanges {
  const changes = new Map<Family, { to: TableNode; chains: ChainChanges }>();
  for (const family of FAMILIES) {
    const table = skeleton(family, to);
    const chains = chainChanges(contentOf(skeleton(family, from)), contentOf(table));
    if (chains === null) throw new Error('the variants of the skeleton have other sets or hooks');
    changes.set(family, { to: table, chains });
  }
  return changes;
}

/** Makes room for new elements: adds chains and writes rules anew. Before the elements of the same batch. */
export function beginChanges(batch: Batch, changes: FamilyChanges): void {
  for (const { to, chains } of changes.values()) changeChains(batch, to, TABLE, chains);
}

/** Takes chains away that nothing refers to any more. Behind the elements of the same batch. */
export function endChanges(batch: Batch, changes: FamilyChanges): void {
  for (const { to, chains } of changes.values()) removeChains(batch, to, TABLE, chains.remove);
}

function ours(changes: FamilyChanges): SkeletonState {
  const isIntact = [...changes.values()].every(({ chains }) => isNothing(chains));
  return { kind: 'ours', isIntact, changes };
}

function kernelLacks(error: Rejected | Unsupported): Unsupported {
  const missing = new Set(error.failures.map(({ subject, errno }) => `${subject}: ${errno}`));
  const advice = 'a kernel of 5.10 or newer with nf_tables NAT, sets, maps, fib, numgen and reject is needed';
  const failure = { subject: 'the nftables skeleton', errno: 'EOPNOTSUPP', offset: null };
  const some = [...missing].slice(0, 5).join('; ');
  return new Unsupported({ ...failure, extendedAck: `${advice}; it refused ${some}` }, undefined, error);
}
