import { be64, type Nest, NLA_F_NESTED, type Row, string, writeAttribute } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Busy, failureOf, malformed, Rejected } from '../errors.ts';
import { type Message, NFGENMSG, NLM_F_ACK, NLM_F_DUMP, writeNfgenmsg } from '../messages.ts';
import { transact } from '../request.ts';
import type { Batch } from './batch.ts';
import {
  type ChainDeclaration,
  chainAttributes,
  type Declaration,
  generationAttributes,
  type RuleDeclaration,
  readDeclaration,
  ruleAttributes,
  type SetDeclaration,
  setAttributes,
  type TableDeclaration,
  tableAttributes,
} from './declarations.ts';
import { allDistinct, readElementList, type SetElement, writeElement } from './element.ts';
import { type NftFamily, type NftMessage, nftFamilies, nftType } from './numbers.ts';
import { ElementRecords, type RecordsRead, readRecords } from './records.ts';

export interface TableDump {
  readonly table: TableDeclaration;
  readonly sets: readonly SetDeclaration[];
  readonly chains: readonly ChainDeclaration[];
  /** Chain by chain, in order. */
  readonly rules: readonly RuleDeclaration[];
}

/** Attempts to read a set consistently, and the milliseconds between. */
const READINGS = 5;
const REARRANGING = 20;

/**
 * The control connection to nf_tables of the network namespace in which it was opened.
 *
 * All methods are synchronous and throw the errors of errors.ts: Rejected with `ENOENT` for a missing table or set,
 * Busy when a change interrupted the reading (read again), Denied without CAP_NET_ADMIN.
 */
export class NftablesConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_NETFILTER');
  }

  /** The `portId` of notifications about this connection's changes. */
  get portId(): number {
    return this.socket.portId;
  }

  /** The id of the ruleset's generation: every transaction in this namespace increments it. */
  generation(): { readonly id: number } {
    const read = ({ bytes, start, end }: Message) =>
      generationAttributes.read(bytes, start + NFGENMSG, end, 'nft_gen').id ?? null;
    const [id] = this.collect(message('NFT_MSG_GETGEN', NLM_F_ACK, null, []), read);
    if (id === undefined) throw malformed('NFT_MSG_NEWGEN without NFTA_GEN_ID');
    return { id };
  }

  /**
   * Applies the batch as one transaction; an empty one does nothing. With `generation`, throws Busy with `ERESTART`
   * unless the ruleset still has it. After an error, nothing is changed; the error has all failed messages.
   */
  commit(batch: Batch, options: { readonly generation?: number } = {}): void {
    this.#transact(batch, options.generation);
  }

  /**
   * Has the kernel try the batch and roll it back; throws what it would refuse. The batch has no end message
   * (nfnetlink_rcv_batch), so that it cannot take effect, even after a kill.
   */
  check(batch: Batch): void {
    this.#transact(batch, undefined, true);
  }

  tables(family: NftFamily): TableDeclaration[] {
    return this.#declarations('NFT_MSG_GETTABLE', family, [], tableAttributes);
  }

  /** Empty when there is no such table. */
  chains(family: NftFamily, table: string): ChainDeclaration[] {
    const chains = this.#declarations('NFT_MSG_GETCHAIN', family, [], chainAttributes);
    return chains.filter((chain) => chain.table === table);
  }

  /** Chain by chain, in order; empty when there is no such table. */
  rules(family: NftFamily, table: string): RuleDeclaration[] {
    const rules = this.#declarations('NFT_MSG_GETRULE', family, [[1, table]], ruleAttributes);
    return rules.filter((rule) => rule.table === table);
  }

  /** Null when there is no such chain. */
  chain(family: NftFamily, table: string, name: string): ChainDeclaration | null {
    const names = [
      [1, table], // NFTA_CHAIN_TABLE
      [3, name], // NFTA_CHAIN_NAME
    ] as const;
    return this.#one('NFT_MSG_GETCHAIN', family, names, null, chainAttributes);
  }

  /** The rule with this handle; null when there is none. Costs no more in a table with many rules. */
  rule(family: NftFamily, table: string, chain: string, handle: bigint): RuleDeclaration | null {
    const names = [
      [1, table], // NFTA_RULE_TABLE
      [2, chain], // NFTA_RULE_CHAIN
    ] as const;
    return this.#one('NFT_MSG_GETRULE', family, names, handle, ruleAttributes);
  }

  /** Sets and maps, including anonymous ones. */
  sets(family: NftFamily, table: string): SetDeclaration[] {
    return this.#declarations('NFT_MSG_GETSET', family, [[1, table]], setAttributes);
  }

  /**
   * Unordered. While a hash set is resized in the background, a dump repeats some elements and misses others without an
   * error (it resumes by a count of elements to skip, net/netfilter/nft_set_hash.c). Such a reading is repeated; Busy
   * when all were like that.
   */
  elements(family: NftFamily, table: string, set: string): SetElement[] {
    return this.#untilDistinct(family, table, set, (asked) => {
      const elements = this.#elements(asked);
      return allDistinct(elements) ? elements : undefined;
    });
  }

  /**
   * As `elements`, of a set into which packets write: such a set may have an element twice for as long as both live. While a
   * transaction that adds elements takes effect, they are active for lookups, but not yet for packets that add (nft_rhash_update
   * asks for both generations), so that a packet adds its own beside them. When each reading has one twice, the last counts.
   */
  elementsOfPackets(family: NftFamily, table: string, set: string): SetElement[] {
    let elements: SetElement[] = [];
    const asked = elementsAsked(family, table, set);
    for (const _ of this.#attempts()) {
      elements = this.#elements(asked);
      if (allDistinct(elements)) break;
    }
    return elements;
  }

  /** The element that a lookup of the key finds; an empty key: the one for all other keys. Throws Rejected for none. */
  element(family: NftFamily, table: string, set: string, key: Uint8Array): SetElement | null {
    const asked: Asked = {
      type: nftType('NFT_MSG_GETSETELEM'),
      flags: NLM_F_ACK,
      subject: `NFT_MSG_GETSETELEM ${family} ${table} ${set}`,
      write: (writer) => {
        writeNfgenmsg(writer, nftFamilies[family]);
        writeAttribute(writer, 1, string, table);
        writeAttribute(writer, 2, string, set);
        const start = writer.open(ELEMENTS | NLA_F_NESTED);
        writeElement(writer, { key });
        writer.close(start);
      },
    };
    const found: SetElement[] = [];
    this.request(asked, ({ bytes, start, end }) => readElementList(bytes, start + NFGENMSG, end, found));
    return found[0] ?? null;
  }

  /** As `elements`; null when there are more than `most`, of which it reads few. */
  firstElements(family: NftFamily, table: string, set: string, most: number): SetElement[] | null {
    const found: SetElement[] = [];
    this.request(elementsAsked(family, table, set), ({ bytes, start, end }) => {
      if (found.length <= most) readElementList(bytes, start + NFGENMSG, end, found);
    });
    return found.length > most ? null : found;
  }

  /** All chains of a family, one datagram in each step. */
  *chainSteps(family: NftFamily, visit: (chain: ChainDeclaration) => void): Generator<undefined> {
    yield* this.answers(message('NFT_MSG_GETCHAIN', NLM_F_DUMP, family, []), (answer) =>
      visit(readDeclaration(chainAttributes, answer, 'NFT_MSG_GETCHAIN')),
    );
  }

  /** The rules of one chain in order, one datagram in each step. */
  *ruleSteps(
    family: NftFamily,
    table: string,
    chain: string,
    visit: (rule: RuleDeclaration) => void,
  ): Generator<undefined> {
    const names = [
      [1, table], // NFTA_RULE_TABLE
      [2, chain], // NFTA_RULE_CHAIN
    ] as const;
    yield* this.answers(message('NFT_MSG_GETRULE', NLM_F_DUMP, family, names), (answer) => {
      const rule = readDeclaration(ruleAttributes, answer, 'NFT_MSG_GETRULE');
      if (rule.table === table && rule.chain === chain) visit(rule);
    });
  }

  /** As `elements`; null where one has more than a key and a value, or other lengths. */
  records(
    family: NftFamily,
    table: string,
    set: string,
    keyLength: number,
    valueLength: number,
  ): ElementRecords | null {
    return this.#untilDistinct(family, table, set, (asked) => {
      const records = new ElementRecords(keyLength, valueLength);
      let found: RecordsRead = 'all';
      this.request(asked, ({ bytes, start, end }) => {
        if (found === 'all') found = readRecords(bytes, start + NFGENMSG, end, records);
      });
      const outcome: RecordsRead = found;
      return outcome === 'all' ? records : outcome === 'other' ? null : undefined;
    });
  }

  #elements(asked: Asked): SetElement[] {
    const elements: SetElement[] = [];
    this.request(asked, ({ bytes, start, end }) => readElementList(bytes, start + NFGENMSG, end, elements));
    return elements;
  }

  /** Steps once for each reading, with pauses between. */
  *#attempts(): Generator<undefined> {
    for (let attempt = 0; attempt < READINGS; attempt++) {
      if (attempt > 0) this.socket.wait(REARRANGING); // only a pause: nothing is received
      yield;
    }
  }

  /** What `read` gives; undefined where it read an element twice. */
  #untilDistinct<Read>(
    family: NftFamily,
    table: string,
    set: string,
    read: (asked: Asked) => Read | undefined,
  ): Read {
    const asked = elementsAsked(family, table, set);
    for (const _ of this.#attempts()) {
      const found = read(asked);
      if (found !== undefined) return found;
    }
    throw new Busy(failureOf(asked.subject, 'EAGAIN', 'the set is being rearranged'));
  }

  /** A table without the elements of its named sets; null when there is none of this name. */
  dump(family: NftFamily, name: string): TableDump | null {
    const table = this.tables(family).find((one) => one.name === name);
    if (table === undefined) return null;
    return {
      table,
      sets: this.sets(family, name),
      chains: this.chains(family, name),
      rules: this.rules(family, name),
    };
  }

  #transact(batch: Batch, generation: number | undefined, withoutTheEnd = false): void {
    if (batch.isEmpty) return;
    const first = this.sequence;
    const { bytes, lastChange, withoutEnd } = batch.seal(first, generation);
    this.sequence = lastChange + 2;
    const sent = withoutTheEnd ? bytes.subarray(0, withoutEnd) : bytes;
    transact(this.socket, sent, first, lastChange, (index, offset) => batch.describe(index, offset));
  }

  /** @param handle NFTA_RULE_HANDLE; null: asked by name */
  #one<Rows extends Record<string, Row>>(
    type: NftMessage,
    family: NftFamily,
    names: readonly (readonly [number, string])[],
    handle: bigint | null,
    attributes: Nest<Rows>,
  ): Declaration<Rows> | null {
    const asked = message(type, NLM_F_ACK, family, names);
    const write = (writer: ByteWriter) => {
      asked.write(writer);
      if (handle !== null) writeAttribute(writer, 3, be64, handle);
    };
    try {
      return this.collect({ ...asked, write }, (one) => readDeclaration(attributes, one, type))[0] ?? null;
    } catch (error) {
      if (error instanceof Rejected && error.failures.some(({ errno }) => errno === 'ENOENT')) return null;
      throw error;
    }
  }

  #declarations<Rows extends Record<string, Row>>(
    type: NftMessage,
    family: NftFamily,
    names: readonly (readonly [number, string])[],
    attributes: Nest<Rows>,
  ): Declaration<Rows>[] {
    const read = (message: Message) => readDeclaration(attributes, message, type);
    return this.collect(message(type, NLM_F_DUMP, family, names), read);
  }
}

/** NFTA_SET_ELEM_LIST_ELEMENTS */
const ELEMENTS = 3;

function elementsAsked(family: NftFamily, table: string, set: string): Asked {
  const names = [
    [1, table], // NFTA_SET_ELEM_LIST_TABLE
    [2, set], // NFTA_SET_ELEM_LIST_SET
  ] as const;
  return message('NFT_MSG_GETSETELEM', NLM_F_DUMP, family, names);
}

function message(
  type: NftMessage,
  flags: number,
  family: NftFamily | null,
  names: readonly (readonly [number, string])[],
): Asked {
  const write = (writer: ByteWriter) => {
    writeNfgenmsg(writer, family === null ? 0 : nftFamilies[family]);
    for (const [number, name] of names) writeAttribute(writer, number, string, name);
  };
  const subject = [type, ...(family === null ? [] : [family]), ...names.map(([, name]) => name)].join(' ');
  return { type: nftType(type), flags, subject, write };
}
