/**
 * A batch of changes: NFNL_MSG_BATCH_BEGIN, the changes and NFNL_MSG_BATCH_END in one datagram, which the kernel
 * applies as one transaction or not at all.
 *
 * The batch owns one growing buffer; `seal` completes it in place and may be called again.
 */
import {
  type Decoded,
  eachAttribute,
  NLA_F_NESTED,
  type Row,
  string,
  writeAttribute,
} from '../attributes.ts';
import { ByteWriter, hex, host16, host32, putHost16, putHost32 } from '../bytes.ts';
import {
  batchAttributes,
  beginMessage,
  endMessage,
  MESSAGE_HEADER,
  NFGENMSG,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  writeNfgenmsg,
} from '../messages.ts';
import {
  chainAttributes,
  expressionAttributes,
  NFT_TABLE_F_DORMANT,
  ruleAttributes,
  setAttributes,
  tableAttributes,
} from './declarations.ts';
import { readElements, type SetElement, writeElement } from './element.ts';
import {
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  type NftFamily,
  type NftMessage,
  nftFamilies,
  nftType,
} from './numbers.ts';

/**
 * Length at which a list of elements is split. A nest has at most 65535 bytes; an element at most 64 bytes each of key,
 * key end and data, 255 of chain name, 255 of comment and 80 of headers, so one more always fits.
 */
const LIST_LIMIT = 64_000;

/** Length of NFNL_MSG_BATCH_BEGIN with and without NFNL_BATCH_GENID. The start has room for the longer one. */
const BEGIN_PLAIN = MESSAGE_HEADER + NFGENMSG;
const BEGIN_GUARDED = BEGIN_PLAIN + 8;

/** One message of the batch: the place of its header, and its subject. */
interface Entry {
  readonly offset: number;
  readonly subject: string;
}

/** The attributes of a named object, without its table's. */
type Named<Attributes extends { readonly rows: Record<string, Row> }> = Omit<
  Decoded<Attributes['rows']>,
  'table' | 'id'
> & {
  readonly name: string;
};

export class Batch {
  readonly #writer: ByteWriter;
  readonly #entries: Entry[] = [];
  #setIds = 0;

  /** @param expectedBytes initial size, so that a large batch is not copied while it grows */
  constructor(expectedBytes = 4096) {
    this.#writer = new ByteWriter(expectedBytes);
    this.#writer.length = BEGIN_GUARDED;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** EEXIST when the table exists. A dormant table filters nothing until it is activated. */
  addTable(
    family: NftFamily,
    name: string,
    options: { readonly dormant?: boolean; readonly userdata?: Uint8Array } = {},
  ): void {
    const { dormant = false, userdata } = options;
    const flags = dormant ? NFT_TABLE_F_DORMANT : 0;
    const start = this.#begin('NFT_MSG_NEWTABLE', family, name, '', NLM_F_CREATE | NLM_F_EXCL);
    tableAttributes.write(this.#writer, { name, flags, ...(userdata === undefined ? {} : { userdata }) });
    endMessage(this.#writer, start);
  }

  /** EEXIST when the chain exists. */
  addChain(family: NftFamily, table: string, chain: Named<typeof chainAttributes>): void {
    const start = this.#begin('NFT_MSG_NEWCHAIN', family, table, chain.name, NLM_F_CREATE | NLM_F_EXCL);
    chainAttributes.write(this.#writer, { table, ...chain });
    endMessage(this.#writer, start);
  }

  /** Deletes a chain with its rules; EBUSY while a rule or an element refers to it. */
  deleteChain(family: NftFamily, table: string, name: string): void {
    const start = this.#begin('NFT_MSG_DELCHAIN', family, table, name, 0);
    chainAttributes.write(this.#writer, { table, name });
    endMessage(this.#writer, start);
  }

  /** Appends a rule to the chain. */
  addRule(
    family: NftFamily,
    table: string,
    chain: string,
    rule: Pick<Decoded<typeof ruleAttributes.rows>, 'expressions' | 'userdata'>,
  ): void {
    const start = this.#begin('NFT_MSG_NEWRULE', family, table, chain, NLM_F_CREATE | NLM_F_APPEND);
    ruleAttributes.write(this.#writer, { table, chain, ...rule });
    endMessage(this.#writer, start);
  }

  /** ENOENT when there is no such rule. */
  deleteRule(family: NftFamily, table: string, chain: string, handle: bigint): void {
    const start = this.#begin('NFT_MSG_DELRULE', family, table, chain, 0);
    ruleAttributes.write(this.#writer, { table, chain, handle });
    endMessage(this.#writer, start);
  }

  flushChain(family: NftFamily, table: string, chain: string): void {
    const start = this.#begin('NFT_MSG_DELRULE', family, table, chain, 0);
    ruleAttributes.write(this.#writer, { table, chain });
    endMessage(this.#writer, start);
  }

  /** EEXIST when the set exists. The kernel requires a set number unique in the batch. */
  addSet(family: NftFamily, table: string, set: Named<typeof setAttributes>): void {
    const id = ++this.#setIds;
    const start = this.#begin('NFT_MSG_NEWSET', family, table, set.name, NLM_F_CREATE | NLM_F_EXCL);
    setAttributes.write(this.#writer, { table, id, ...set });
    endMessage(this.#writer, start);
  }

  /** Deletes the table and its content; ENOENT when there is none. */
  deleteTable(family: NftFamily, name: string): void {
    const start = this.#begin('NFT_MSG_DELTABLE', family, name, '', 0);
    tableAttributes.write(this.#writer, { name });
    endMessage(this.#writer, start);
  }

  /** EEXIST for an existing key: to replace a value, delete the element first in the same batch. */
  addElements(family: NftFamily, table: string, set: string, elements: Iterable<SetElement>): void {
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    this.#writeElements('NFT_MSG_NEWSETELEM', family, table, set, elements, flags);
  }

  /** Deletes by key (including key end and interval end); ENOENT for a missing element. */
  deleteElements(family: NftFamily, table: string, set: string, elements: Iterable<SetElement>): void {
    this.#writeElements('NFT_MSG_DELSETELEM', family, table, set, elements, 0);
  }

  flushSet(family: NftFamily, table: string, set: string): void {
    const start = this.#beginList('NFT_MSG_DELSETELEM', family, table, set, 0);
    endMessage(this.#writer, start);
  }

  #writeElements(
    message: NftMessage,
    family: NftFamily,
    table: string,
    set: string,
    elements: Iterable<SetElement>,
    flags: number,
  ): void {
    const writer = this.#writer;
    let start = -1;
    let listStart = 0;
    for (const element of elements) {
      if (start >= 0 && writer.length - listStart > LIST_LIMIT) {
        this.#endList(start, listStart);
        start = -1;
      }
      if (start < 0) {
        start = this.#beginList(message, family, table, set, flags);
        listStart = writer.open(3 | NLA_F_NESTED); // NFTA_SET_ELEM_LIST_ELEMENTS
      }
      writeElement(writer, element);
    }
    if (start >= 0) this.#endList(start, listStart);
  }

  #beginList(message: NftMessage, family: NftFamily, table: string, set: string, flags: number): number {
    const start = this.#begin(message, family, table, set, flags);
    writeAttribute(this.#writer, 1, string, table); // NFTA_SET_ELEM_LIST_TABLE
    writeAttribute(this.#writer, 2, string, set); // NFTA_SET_ELEM_LIST_SET
    return start;
  }

  #endList(start: number, listStart: number): void {
    this.#writer.close(listStart);
    endMessage(this.#writer, start);
  }

  #begin(message: NftMessage, family: NftFamily, table: string, object: string, flags: number): number {
    const subject = `${message} ${family} ${table}${object === '' ? '' : ` ${object}`}`;
    const start = beginMessage(this.#writer, nftType(message), NLM_F_REQUEST | flags, 0);
    writeNfgenmsg(this.#writer, nftFamilies[family]);
    this.#entries.push({ offset: start, subject });
    return start;
  }

  /**
   * The datagram, with sequence number `first` for the begin message, `first + 1` for the first change and so on. Only
   * the last change asks for an acknowledgement, so success costs one answer. With a generation, the kernel refuses the
   * batch (ERESTART) unless the ruleset still has it. `withoutEnd`: the bytes before the end message.
   */
  seal(
    first: number,
    generation?: number,
  ): { readonly bytes: Uint8Array; readonly lastChange: number; readonly withoutEnd: number } {
    const writer = this.#writer;
    for (const [index, { offset }] of this.#entries.entries()) {
      putHost32(writer.bytes, offset + 8, first + 1 + index);
      const flags = host16(writer.bytes, offset + 6) & ~NLM_F_ACK;
      putHost16(writer.bytes, offset + 6, index === this.#entries.length - 1 ? flags | NLM_F_ACK : flags);
    }
    const begin = new ByteWriter(BEGIN_GUARDED);
    const start = beginMessage(begin, NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, first);
    writeNfgenmsg(begin, 0, NFNL_SUBSYS_NFTABLES);
    if (generation !== undefined) batchAttributes.write(begin, { generation });
    endMessage(begin, start);
    const from = BEGIN_GUARDED - begin.length;
    const length = writer.length;
    const end = beginMessage(writer, NFNL_MSG_BATCH_END, NLM_F_REQUEST, first + 1 + this.#entries.length);
    writeNfgenmsg(writer, 0, NFNL_SUBSYS_NFTABLES);
    endMessage(writer, end);
    writer.bytes.set(begin.written, from);
    const bytes = writer.bytes.subarray(from, writer.length);
    writer.length = length;
    return { bytes, lastChange: first + this.#entries.length, withoutEnd: length - from };
  }

  /**
   * The purpose of the message with this sequence number, counted from `first`. The kernel's offset adds the element
   * (key in hexadecimal) or the expression of a rule.
   */
  describe(index: number, offset: number | null): string {
    const entry = this.#entries[index - 1];
    if (entry === undefined) return 'nf_tables transaction';
    if (offset === null) return entry.subject;
    const { subject } = entry;
    const part = subject.startsWith('NFT_MSG_NEWRULE ')
      ? this.#expressionAt(entry.offset, offset)
      : hex(this.#elementAt(entry.offset, offset)?.key ?? new Uint8Array(0));
    return part === '' ? subject : `${subject} { ${part} }`;
  }

  /** The expression at this offset of the message; empty for none. */
  #expressionAt(message: number, offset: number): string {
    const { bytes } = this.#writer;
    const end = message + host32(bytes, message);
    let found = '';
    eachAttribute(bytes, message + MESSAGE_HEADER + NFGENMSG, end, 'message', (type, from, to) => {
      if (type !== 4) return;
      eachAttribute(bytes, from, to, 'NFTA_RULE_EXPRESSIONS', (_type, start, stop) => {
        const at = message + offset;
        if (at < start - 4 || at >= stop) return;
        found = expressionAttributes.read(bytes, start, stop, 'NFTA_LIST_ELEM').name ?? '';
      });
    });
    return found;
  }

  #elementAt(message: number, offset: number): SetElement | null {
    const { bytes } = this.#writer;
    const end = message + host32(bytes, message);
    let found: SetElement | null = null;
    eachAttribute(bytes, message + MESSAGE_HEADER + NFGENMSG, end, 'message', (type, from, to) => {
      if (type !== 3) return;
      eachAttribute(bytes, from, to, 'NFTA_SET_ELEM_LIST_ELEMENTS', (_type, start, stop) => {
        const at = message + offset;
        if (found !== null || at < start - 4 || at >= stop) return;
        const elements: SetElement[] = [];
        readElements(bytes, start - 4, stop, elements);
        found = elements[0] ?? null;
      });
    });
    return found;
  }
}
