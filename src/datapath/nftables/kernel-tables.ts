import { FAMILIES, type Family } from '../../net/family.ts';
import { Unsupported } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { timeoutOfChain } from './affinity.ts';
import { type EgressChains, egressChainsKey } from './egress.ts';
import type { PlacedElement } from './element.ts';
import { NftFailed, runNft } from './nft-program.ts';
import { fromKernel } from './range-elements.ts';
import { SET_NAMES } from './sets.ts';
import { nftFamily, type SkeletonOptions, skeletonMark, skeletonText, TABLE } from './skeleton.ts';

/** A second copy of our tables, which does the work while the first is replaced. */
export const SWAP_TABLE = 'knat_swap';
/** A dormant copy, loaded to learn what nft makes of the skeleton's text. */
const REFERENCE_TABLE = 'knat_reference';

/** Every table name that is ours. */
export const OUR_TABLES: readonly string[] = [TABLE, SWAP_TABLE, REFERENCE_TABLE];

/** What decides about the chains of a table. */
export type SkeletonVariant = Pick<SkeletonOptions, 'timeouts' | 'egress'>;

export type SkeletonState = 'absent' | 'intact' | 'other';

/** Our tables of both families as wholes: how they stand, loading and removing them. */
export class KernelTables {
  readonly #connection: NftablesConnection;
  /** What an intact table looks like, by family and variant; the same for the life of this process. */
  readonly #reference = new Map<string, string>();

  constructor(connection: NftablesConnection) {
    this.#connection = connection;
  }

  /**
   * Has the kernel (and this nft) checked whether it can do all that the skeleton needs; changes nothing.
   * Throws Unsupported with nft's words.
   */
  async check(signal: AbortSignal): Promise<void> {
    const egress = { ports: [{ first: 1024, last: 65535 }], interfaceFilter: 'eth+' };
    const all = { table: REFERENCE_TABLE, dormant: true, timeouts: [1], egress };
    const text = FAMILIES.map((family) => skeletonText(family, all)).join('\n');
    try {
      await runNft(['-c', '-f', '-'], text, signal);
    } catch (error) {
      if (!(error instanceof NftFailed)) throw error;
      throw kernelLacks(error);
    }
  }

  /** As `state`, judged by the tables' marks alone: changes nothing, and takes a foreign edit for intact. */
  apparentState(egress: EgressChains): SkeletonState {
    const present = FAMILIES.filter((family) => this.#has(family, TABLE));
    if (present.length === 0) return 'absent';
    return present.length === FAMILIES.length && FAMILIES.every((family) => this.#marked(family, egress))
      ? 'intact'
      : 'other';
  }

  /**
   * As `state`, without writing: where it is not known yet what is right, by the tables' marks alone (`compared` false).
   */
  stateSeen(egress: EgressChains): { readonly state: SkeletonState; readonly compared: boolean } {
    const apparent = this.apparentState(egress);
    if (apparent !== 'intact') return { state: apparent, compared: true };
    const variant = { timeouts: this.timeouts(), egress };
    const known = FAMILIES.map((family) => this.#reference.get(referenceName(family, variant)));
    if (known.includes(undefined)) return { state: apparent, compared: false };
    const isRight = FAMILIES.every(
      (family, index) => this.#connection.fingerprint(nftFamily[family], TABLE) === known[index],
    );
    return { state: isRight ? 'intact' : 'other', compared: true };
  }

  /** `absent` when both are missing, `intact` when both are exactly what our text makes, else `other`. */
  async state(egress: EgressChains, signal: AbortSignal): Promise<SkeletonState> {
    const apparent = this.apparentState(egress);
    if (apparent !== 'intact') return apparent;
    const timeouts = this.timeouts();
    for (const family of FAMILIES) {
      const reference = await this.#referenceOf(family, { timeouts, egress }, signal);
      if (this.#connection.fingerprint(nftFamily[family], TABLE) !== reference) return 'other';
    }
    return 'intact';
  }

  /** The timeouts of session affinity, in seconds, for which our table has chains. */
  timeouts(): number[] {
    const chains = this.#connection.chains(nftFamily.IPv4, TABLE);
    const timeouts = chains.map(({ name }) => timeoutOfChain(name ?? ''));
    return timeouts.filter((timeout) => timeout !== null).sort((a, b) => a - b);
  }

  /** Replaces (or creates) the tables of this name in both families by empty ones, in one transaction. */
  async load(table: string, variant: SkeletonVariant, signal: AbortSignal): Promise<void> {
    const text = FAMILIES.map((family) => freshTable(family, { table, ...variant }));
    const before = this.#connection.generation().id;
    await runNft(['-f', '-'], text.join('\n'), signal);
    this.#learn(table, variant, before + 1);
  }

  /** Takes what was just loaded for what is right, provided that nobody changed the ruleset meanwhile. */
  #learn(table: string, variant: SkeletonVariant, generation: number): void {
    const learned = FAMILIES.map(
      (family) =>
        [referenceName(family, variant), this.#connection.fingerprint(nftFamily[family], table)] as const,
    );
    if (this.#connection.generation().id !== generation) return;
    for (const [name, fingerprint] of learned) this.#reference.set(name, fingerprint);
  }

  /** What `affinity_clients` of our table remembers, each with the time that it has left. */
  affinityClients(): Map<Family, SetElement[]> {
    const clients = new Map<Family, SetElement[]>();
    for (const family of FAMILIES) {
      if (!this.#has(family, TABLE)) continue;
      const sets = this.#connection.sets(nftFamily[family], TABLE);
      if (!sets.some(({ name }) => name === 'affinity_clients')) continue;
      const elements = this.#connection.elements(nftFamily[family], TABLE, 'affinity_clients');
      clients.set(
        family,
        elements.flatMap(({ key, data, expirationMs }) =>
          data === undefined || expirationMs === undefined ? [] : [{ key, data, timeoutMs: expirationMs }],
        ),
      );
    }
    return clients;
  }

  /** Removes every table of ours but those of the names to keep; gives the names of what was removed. */
  remove(keep: readonly string[] = []): string[] {
    const batch = new Batch();
    const removed: string[] = [];
    for (const family of FAMILIES) {
      for (const { name } of this.#connection.tables(nftFamily[family])) {
        if (name === undefined || !OUR_TABLES.includes(name) || keep.includes(name)) continue;
        batch.deleteTable(nftFamily[family], name);
        removed.push(`${nftFamily[family]} ${name}`);
      }
    }
    this.#connection.commit(batch);
    return removed;
  }

  /** All elements of our sets in both families; `null` when a table is not there. Another version may lack some. */
  read(table: string = TABLE): PlacedElement[] | null {
    const placed: PlacedElement[] = [];
    for (const some of this.readStepwise(table)) {
      if (some === null) return null;
      for (const each of some) placed.push(each);
    }
    return placed;
  }

  /** As `read`, set by set, so that others may work in between; null, and the end, where a table is not there. */
  *readStepwise(table: string = TABLE): Generator<PlacedElement[] | null, void, undefined> {
    for (const family of FAMILIES) {
      if (!this.#has(family, table)) return yield null;
      const there = new Set(this.#connection.sets(nftFamily[family], table).map(({ name }) => name));
      for (const set of SET_NAMES) {
        if (!there.has(set)) continue;
        const elements = this.#connection.elements(nftFamily[family], table, set);
        yield fromKernel(set, elements).map((element) => ({ family, set, element }));
      }
    }
  }

  #has(family: Family, table: string): boolean {
    return this.#connection.tables(nftFamily[family]).some(({ name }) => name === table);
  }

  #marked(family: Family, egress: EgressChains): boolean {
    const table = this.#connection.tables(nftFamily[family]).find(({ name }) => name === TABLE);
    return table?.userdata !== undefined && Buffer.from(table.userdata).includes(skeletonMark(egress));
  }

  /** Learned from a dormant copy, once for each family and variant. */
  async #referenceOf(family: Family, variant: SkeletonVariant, signal: AbortSignal): Promise<string> {
    const name = referenceName(family, variant);
    const known = this.#reference.get(name);
    if (known !== undefined) return known;
    const ip = nftFamily[family];
    await runNft(
      ['-f', '-'],
      freshTable(family, { table: REFERENCE_TABLE, dormant: true, ...variant }),
      signal,
    );
    const reference = this.#connection.fingerprint(ip, REFERENCE_TABLE);
    this.#reference.set(name, reference);
    const batch = new Batch();
    batch.deleteTable(ip, REFERENCE_TABLE);
    this.#connection.commit(batch);
    return reference;
  }
}

function referenceName(family: Family, { timeouts, egress }: SkeletonVariant): string {
  return `${family} ${timeouts.join()} ${egressChainsKey(egress)}`;
}

/** The table anew, whether there was one of this name or not. */
function freshTable(family: Family, options: SkeletonOptions): string {
  const ip = nftFamily[family];
  return `add table ${ip} ${options.table}\ndelete table ${ip} ${options.table}\n${skeletonText(family, options)}`;
}

function kernelLacks(error: NftFailed): Unsupported {
  const failure = { subject: 'the nftables skeleton', errno: 'EOPNOTSUPP', offset: null };
  const advice = 'a kernel of 5.10 or newer with nf_tables NAT, sets, maps, fib, numgen and reject is needed';
  return new Unsupported({ ...failure, extendedAck: `${advice}; ${error.message}` }, undefined, error);
}
