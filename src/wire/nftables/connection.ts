import { type Nest, type Row, string, writeAttribute } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Busy, failureOf, malformed } from '../errors.ts';
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
import { allDistinct, readElementList, type SetElement } from './element.ts';
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
 * there, Busy when a change interrupted the reading (read again), Denied without CAP_NET_ADMIN.
 */
export class NftablesConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_NETFILTER');
  }

  /** The `portId` of notifications about changes that this connection commits. */
  get portId(): number {
    return this.socket.portId;
  }

  /** The id of the ruleset's generation: every transaction in this namespace, of any program, raises it by one. */
  generation(): { readonly id: number } {
    const read = ({ bytes, start, end }: Message) =>
      generationAttributes.read(bytes, start + NFGENMSG, end, 'nft_gen').id ?? null;
    const [id] = this.collect(message('NFT_MSG_GETGEN', NLM_F_ACK, null, []), read);
    if (id === undefined) throw malformed('NFT_MSG_NEWGEN without NFTA_GEN_ID');
    return { id };
  }

  /**
   * Applies the batch as one transaction; an empty one does nothing. With `generation`, only when the ruleset is
   * still of that generation, else Busy with `ERESTART`. An error carries all failed messages, and nothing is changed.
   */
  commit(batch: Batch, options: { readonly generation?: number } = {}): void {
    this.#transact(batch, options.generation);
  }

  /**
   * Has the kernel try the batch and take it back: what it would refuse is thrown, nothing is changed. It is a batch that
   * does not end (nfnetlink_rcv_batch), which a kill in between cannot leave behind.
   */
  check(batch: Batch): void {
    this.#transact(batch, undefined, true);
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
    const names = [
      [1, table], // NFTA_SET_ELEM_LIST_TABLE
      [2, set], // NFTA_SET_ELEM_LIST_SET
    ] as const;
    const asked = message('NFT_MSG_GETSETELEM', NLM_F_DUMP, family, names);
    for (let attempt = 0; attempt < READINGS; attempt++) {
      if (attempt > 0) this.socket.wait(REARRANGING); // nothing comes: a pause
      const elements: SetElement[] = [];
      this.request(asked, ({ bytes, start, end }) => readElementList(bytes, start + NFGENMSG, end, elements));
      if (allDistinct(elements)) return elements;
    }
    throw new Busy(failureOf(asked.subject, 'EAGAIN', 'the set is being rearranged'));
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

  #transact(batch: Batch, generation: number | undefined, withoutTheEnd = false): void {
    if (batch.isEmpty) return;
    const first = this.sequence;
    const { bytes, lastChange, withoutEnd } = batch.seal(first, generation);
    this.sequence = lastChange + 2;
    const sent = withoutTheEnd ? bytes.subarray(0, withoutEnd) : bytes;
    transact(this.socket, sent, first, lastChange, (index, offset) => batch.describe(index, offset));
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

/** A request for what these attributes name. */
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
