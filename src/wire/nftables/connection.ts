import { type Nest, type Row, string, writeAttribute } from '../attributes.ts';
import { ByteWriter } from '../bytes.ts';
import { Busy, malformed } from '../errors.ts';
import {
  beginMessage,
  endMessage,
  type Message,
  NFGENMSG,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  writeNfgenmsg,
} from '../messages.ts';
import { request, transact } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import type { Batch } from './batch.ts';
import {
  type ChainDeclaration,
  chainAttributes,
  type Declaration,
  type RuleDeclaration,
  readDeclaration,
  ruleAttributes,
  type SetDeclaration,
  setAttributes,
  type TableDeclaration,
  tableAttributes,
} from './declarations.ts';
import { allDistinct, readElementList, type SetElement } from './element.ts';
import { generationAttributes } from './generation.ts';
import { type NftFamily, type NftMessage, nftFamilies, nftType } from './numbers.ts';

/** A table as the kernel dumps it. */
export interface TableDump {
  readonly table: TableDeclaration;
  readonly sets: readonly SetDeclaration[];
  readonly chains: readonly ChainDeclaration[];
  /** Chain by chain, in their order. */
  readonly rules: readonly RuleDeclaration[];
}

/** How often a set is read until a reading is consistent, and the milliseconds between. */
const READINGS = 5;
const REARRANGING = 20;

/**
 * The control connection to nf_tables of the network namespace in which it was opened.
 *
 * Every method is synchronous and throws the errors of errors.ts: Rejected with `ENOENT` for a table or set that is not
 * there, Busy when a reading was interrupted by somebody's change (read again), Denied without CAP_NET_ADMIN.
 */
export class NftablesConnection {
  readonly #socket: NetlinkSocket;
  #sequence = 1;

  static open(): NftablesConnection {
    return new NftablesConnection(NetlinkSocket.open('NETLINK_NETFILTER'));
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** The `portId` of notifications about changes that this connection commits. */
  get portId(): number {
    return this.#socket.portId;
  }

  /** The id of the ruleset's generation: every transaction in this namespace, whoever commits it, raises it by one. */
  generation(): { readonly id: number } {
    let id: number | undefined;
    this.#request('NFT_MSG_GETGEN', NLM_F_ACK, 0, 'NFT_MSG_GETGEN', [], (message) => {
      id = generationAttributes.read(message.bytes, message.start + NFGENMSG, message.end, 'nft_gen').id;
    });
    if (id === undefined) throw malformed('NFT_MSG_NEWGEN without NFTA_GEN_ID');
    return { id };
  }

  /**
   * Applies the batch as one transaction; an empty one does nothing. With `generation`, only when the ruleset is
   * still of that generation, else Busy with `ERESTART`. An error carries all failed messages, and nothing is changed.
   */
  commit(batch: Batch, options: { readonly generation?: number } = {}): void {
    if (batch.isEmpty) return;
    const first = this.#sequence;
    const { bytes, lastChange } = batch.seal(first, options.generation);
    this.#sequence = lastChange + 2;
    transact(this.#socket, bytes, first, lastChange, (index, offset) => batch.describe(index, offset));
  }

  /**
   * Has the kernel try the batch and take it back: what it would refuse is thrown, nothing is changed. It is a batch that
   * does not end (nfnetlink_rcv_batch), which a kill in between cannot leave behind.
   */
  check(batch: Batch): void {
    if (batch.isEmpty) return;
    const first = this.#sequence;
    const { bytes, lastChange, withoutEnd } = batch.seal(first);
    this.#sequence = lastChange + 2;
    const tried = bytes.subarray(0, withoutEnd);
    transact(this.#socket, tried, first, lastChange, (index, offset) => batch.describe(index, offset));
  }

  /** All tables of the family. */
  tables(family: NftFamily): TableDeclaration[] {
    return this.#declarations('NFT_MSG_GETTABLE', family, [], tableAttributes);
  }

  /** The chains of a table; none when there is no such table. */
  chains(family: NftFamily, table: string): ChainDeclaration[] {
    const chains = this.#declarations('NFT_MSG_GETCHAIN', family, [], chainAttributes);
    return chains.filter((chain) => chain.table === table);
  }

  /** The rules of a table, chain by chain, in their order; none when there is no such table. */
  rules(family: NftFamily, table: string): RuleDeclaration[] {
    const rules = this.#declarations('NFT_MSG_GETRULE', family, [[1, table]], ruleAttributes);
    return rules.filter((rule) => rule.table === table);
  }

  /** The sets and maps of a table, anonymous ones included. */
  sets(family: NftFamily, table: string): SetDeclaration[] {
    return this.#declarations('NFT_MSG_GETSET', family, [[1, table]], setAttributes);
  }

  /**
   * The elements of a set, in no order. A hash set that grows is rearranged in the background, and a dump over that
   * gives some elements twice and others not at all, which the kernel does not report (a dump restarts its walk with a
   * count of elements to skip, net/netfilter/nft_set_hash.c). Such a reading is repeated; Busy when all were like that.
   */
  elements(family: NftFamily, table: string, set: string): SetElement[] {
    const subject = `NFT_MSG_GETSETELEM ${family} ${table} ${set}`;
    for (let attempt = 0; attempt < READINGS; attempt++) {
      if (attempt > 0) this.#socket.wait(REARRANGING); // nothing comes: a pause
      const elements = this.#dumpElements(family, table, set, subject);
      if (allDistinct(elements)) return elements;
    }
    throw new Busy({ subject, errno: 'EAGAIN', extendedAck: 'the set is being rearranged', offset: null });
  }

  /** A table with all but the elements of its named sets; null when there is none of this name. */
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

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #dumpElements(family: NftFamily, table: string, set: string, subject: string): SetElement[] {
    const elements: SetElement[] = [];
    const names = [
      [1, table], // NFTA_SET_ELEM_LIST_TABLE
      [2, set], // NFTA_SET_ELEM_LIST_SET
    ] as const;
    this.#request('NFT_MSG_GETSETELEM', NLM_F_DUMP, nftFamilies[family], subject, names, (message) =>
      readElementList(message.bytes, message.start + NFGENMSG, message.end, elements),
    );
    return elements;
  }

  #declarations<Rows extends Record<string, Row>>(
    type: NftMessage,
    family: NftFamily,
    names: readonly (readonly [number, string])[],
    attributes: Nest<Rows>,
  ): Declaration<Rows>[] {
    const found: Declaration<Rows>[] = [];
    const subject = [type, family, ...names.map(([, name]) => name)].join(' ');
    this.#request(type, NLM_F_DUMP, nftFamilies[family], subject, names, (message) => {
      found.push(readDeclaration(attributes, message, type));
    });
    return found;
  }

  #request(
    type: NftMessage,
    flags: number,
    family: number,
    subject: string,
    names: readonly (readonly [number, string])[],
    visit: (message: Message) => void,
  ): void {
    const sequence = this.#sequence++;
    const writer = new ByteWriter();
    const start = beginMessage(writer, nftType(type), NLM_F_REQUEST | flags, sequence);
    writeNfgenmsg(writer, family);
    for (const [number, name] of names) writeAttribute(writer, number, string, name);
    endMessage(writer, start);
    request(this.#socket, writer.written, sequence, subject, visit);
  }
}
