/**
 * A batch of changes: NFNL_MSG_BATCH_BEGIN, the changes and NFNL_MSG_BATCH_END in one datagram, which the kernel
 * applies as one transaction or not at all.
 *
 * The batch owns one growing buffer; `seal` completes it in place and may be called again. `clear` empties it for the next
 * transaction, so that a small change takes no new memory.
 */
import {
  type Decoded,
  eachAttribute,
  NLA_F_NESTED,
  type Row,
  string,
  writeAttribute,
} from '../attributes.ts';
import {
  ByteWriter,
  hex,
  host16,
  host32,
  littleEndian,
  putHost16,
  putHost32,
  putNet16,
  putNet32,
  textOf,
} from '../bytes.ts';
import {
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
  NFT_TABLE_F_OWNER,
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
  nftFamilyOf,
  nftMessageOf,
  nftType,
} from './numbers.ts';

/**
 * Length at which a list of elements is split. A nest has at most 65535 bytes; an element at most 64 bytes each of key,
 * key end and data, 255 of chain name, 255 of comment and 80 of headers, so one more always fits.
 */
export const LIST_LIMIT = 64_000;

/** Length of NFNL_MSG_BATCH_BEGIN with and without NFNL_BATCH_GENID. The start has room for the longer one. */
const BEGIN_PLAIN = MESSAGE_HEADER + NFGENMSG;
const BEGIN_GUARDED = BEGIN_PLAIN + 8;

/** NFTA_SET_ELEM_LIST_ELEMENTS */
const ELEMENTS = 3 | NLA_F_NESTED;

/** NFNL_BATCH_GENID: the only attribute of NFNL_MSG_BATCH_BEGIN. */
const NFNL_BATCH_GENID = 1;

/** A cleared batch keeps no larger buffer. */
const MOST_KEPT = 1 << 16;

/** The number of the attribute that names a message's object; a table is named by the first, as in all messages. */
const OBJECT_NAMES: Readonly<Record<string, number>> = { CHAIN: 3, RULE: 2, SET: 2, SETELEM: 2 };

/** The attributes of a named object, without its table's. */
type Named<Attributes extends { readonly rows: Record<string, Row> }> = Omit<
  Decoded<Attributes['rows']>,
  'table' | 'id'
> & {
  readonly name: string;
};

export class Batch {
  readonly #writer: ByteWriter;
  #messages = 0;
  #setIds = 0;

  /** @param expectedBytes initial size, so that a large batch is not copied while it grows */
  constructor(expectedBytes = 4096) {
    this.#writer = new ByteWriter(expectedBytes);
    this.#writer.length = BEGIN_GUARDED;
  }

  get isEmpty(): boolean {
    return this.#messages === 0;
  }

  /** Empties it. */
  clear(): void {
    this.#writer.shrink(MOST_KEPT);
    this.#writer.length = BEGIN_GUARDED;
    this.#messages = 0;
    this.#setIds = 0;
  }

  /**
   * EEXIST when the table exists. A dormant table filters nothing until it is activated; an owned one belongs to the
   * committing socket and goes with it.
   */
  addTable(
    family: NftFamily,
    name: string,
    options: { readonly dormant?: boolean; readonly owned?: boolean; readonly userdata?: Uint8Array } = {},
  ): void {
    const { dormant = false, owned = false, userdata } = options;
    const flags = (dormant ? NFT_TABLE_F_DORMANT : 0) | (owned ? NFT_TABLE_F_OWNER : 0);
    const start = this.#begin('NFT_MSG_NEWTABLE', family, NLM_F_CREATE | NLM_F_EXCL);
    tableAttributes.write(this.#writer, { name, flags, ...(userdata === undefined ? {} : { userdata }) });
    endMessage(this.#writer, start);
  }

  /** EEXIST when the chain exists. */
  addChain(family: NftFamily, table: string, chain: Named<typeof chainAttributes>): void {
    const start = this.#begin('NFT_MSG_NEWCHAIN', family, NLM_F_CREATE | NLM_F_EXCL);
    chainAttributes.write(this.#writer, { table, ...chain });
    endMessage(this.#writer, start);
  }

  /** Deletes a chain with its rules; EBUSY while a rule or an element refers to it. */
  deleteChain(family: NftFamily, table: string, name: string): void {
    const start = this.#begin('NFT_MSG_DELCHAIN', family, 0);
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
    const start = this.#begin('NFT_MSG_NEWRULE', family, NLM_F_CREATE | NLM_F_APPEND);
    ruleAttributes.write(this.#writer, { table, chain, ...rule });
    endMessage(this.#writer, start);
  }

  /** ENOENT when there is no such rule. */
  deleteRule(family: NftFamily, table: string, chain: string, handle: bigint): void {
    const start = this.#begin('NFT_MSG_DELRULE', family, 0);
    ruleAttributes.write(this.#writer, { table, chain, handle });
    endMessage(this.#writer, start);
  }

  flushChain(family: NftFamily, table: string, chain: string): void {
    const start = this.#begin('NFT_MSG_DELRULE', family, 0);
    ruleAttributes.write(this.#writer, { table, chain });
    endMessage(this.#writer, start);
  }

  /** EEXIST when the set exists. The kernel requires a set number unique in the batch. */
  addSet(family: NftFamily, table: string, set: Named<typeof setAttributes>): void {
    const id = ++this.#setIds;
    const start = this.#begin('NFT_MSG_NEWSET', family, NLM_F_CREATE | NLM_F_EXCL);
    setAttributes.write(this.#writer, { table, id, ...set });
    endMessage(this.#writer, start);
  }

  /** Deletes the table and its content; ENOENT when there is none. */
  deleteTable(family: NftFamily, name: string): void {
    const start = this.#begin('NFT_MSG_DELTABLE', family, 0);
    tableAttributes.write(this.#writer, { name });
    endMessage(this.#writer, start);
  }

  /**
   * EEXIST for an existing key: to replace a value, delete the element first in the same batch. Unless `exclusive`, an
   * element that is there already may stay.
   */
  addElements(
    family: NftFamily,
    table: string,
    set: string,
    elements: Iterable<SetElement>,
    { exclusive = true }: { readonly exclusive?: boolean } = {},
  ): void {
    const flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0);
    this.#writeElements('NFT_MSG_NEWSETELEM', family, table, set, elements, flags);
  }

  /** Deletes by key (including key end and interval end); ENOENT for a missing element. */
  deleteElements(family: NftFamily, table: string, set: string, elements: Iterable<SetElement>): void {
    this.#writeElements('NFT_MSG_DELSETELEM', family, table, set, elements, 0);
  }

  /** As `addElements` and `deleteElements`, of elements that are written already: at most LIST_LIMIT bytes and one element more. */
  writtenElements(
    message: 'NFT_MSG_NEWSETELEM' | 'NFT_MSG_DELSETELEM',
    family: NftFamily,
    table: string,
    set: string,
    { bytes, length }: ByteWriter,
  ): void {
    const flags = message === 'NFT_MSG_NEWSETELEM' ? NLM_F_CREATE | NLM_F_EXCL : 0;
    const start = this.#beginList(message, family, table, set, flags);
    const listStart = this.#writer.open(ELEMENTS);
    this.#writer.part(bytes, length);
    this.#endList(start, listStart);
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
        listStart = writer.open(ELEMENTS);
      }
      writeElement(writer, element);
    }
    if (start >= 0) this.#endList(start, listStart);
  }

  #beginList(message: NftMessage, family: NftFamily, table: string, set: string, flags: number): number {
    const start = this.#begin(message, family, flags);
    writeAttribute(this.#writer, 1, string, table); // NFTA_SET_ELEM_LIST_TABLE
    writeAttribute(this.#writer, 2, string, set); // NFTA_SET_ELEM_LIST_SET
    return start;
  }

  #endList(start: number, listStart: number): void {
    this.#writer.close(listStart);
    endMessage(this.#writer, start);
  }

  #begin(message: NftMessage, family: NftFamily, flags: number): number {
    const start = beginMessage(this.#writer, nftType(message), NLM_F_REQUEST | flags, 0);
    writeNfgenmsg(this.#writer, nftFamilies[family]);
    this.#messages++;
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
    const lastChange = first + this.#messages;
    let at = BEGIN_GUARDED;
    for (let sequence = first + 1; sequence <= lastChange; sequence++) {
      const flags = host16(writer.bytes, at + 6) & ~NLM_F_ACK;
      putHost16(writer.bytes, at + 6, sequence === lastChange ? flags | NLM_F_ACK : flags);
      putHost32(writer.bytes, at + 8, sequence);
      at = this.#behind(at);
    }
    const length = writer.length;
    const end = beginMessage(writer, NFNL_MSG_BATCH_END, NLM_F_REQUEST, lastChange + 1);
    writeNfgenmsg(writer, 0, NFNL_SUBSYS_NFTABLES);
    endMessage(writer, end);
    const from = generation === undefined ? BEGIN_GUARDED - BEGIN_PLAIN : 0;
    putBegin(writer.bytes, from, first, generation);
    const bytes = writer.bytes.subarray(from, writer.length);
    writer.length = length;
    return { bytes, lastChange, withoutEnd: length - from };
  }

  /** The place behind the message that begins here. */
  #behind(message: number): number {
    return message + ((host32(this.#writer.bytes, message) + 3) & ~3);
  }

  /**
   * The purpose of the message with this sequence number, counted from `first`. The kernel's offset adds the element
   * (key in hexadecimal) or the expression of a rule.
   */
  describe(index: number, offset: number | null): string {
    if (index < 1 || index > this.#messages) return 'nf_tables transaction';
    let at = BEGIN_GUARDED;
    for (let before = 1; before < index; before++) at = this.#behind(at);
    const subject = this.#subjectOf(at);
    if (offset === null) return subject;
    const part = subject.startsWith('NFT_MSG_NEWRULE ')
      ? this.#expressionAt(at, offset)
      : hex(this.#elementAt(at, offset)?.key ?? new Uint8Array(0));
    return part === '' ? subject : `${subject} { ${part} }`;
  }

  /** `NFT_MSG_NEWSETELEM ip knat endpoints_1` */
  #subjectOf(message: number): string {
    const { bytes } = this.#writer;
    const type = nftMessageOf(bytes[message + 4 + LOW_BYTE] as number) ?? '';
    const family = nftFamilyOf(bytes[message + MESSAGE_HEADER] as number) ?? '';
    const object = OBJECT_NAMES[type.slice('NFT_MSG_NEW'.length)];
    const names: string[] = [type, family];
    const end = message + host32(bytes, message);
    eachAttribute(bytes, message + MESSAGE_HEADER + NFGENMSG, end, 'message', (number, from, to) => {
      if (number === 1 || number === object) names.push(textOf(bytes, from, to));
    });
    return names.join(' ');
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

/** The place of the low byte of a number of 16 bits in host byte order. */
const LOW_BYTE = littleEndian ? 0 : 1;

/** Stores NFNL_MSG_BATCH_BEGIN. */
function putBegin(bytes: Uint8Array, at: number, sequence: number, generation: number | undefined): void {
  putHost32(bytes, at, generation === undefined ? BEGIN_PLAIN : BEGIN_GUARDED);
  putHost16(bytes, at + 4, NFNL_MSG_BATCH_BEGIN);
  putHost16(bytes, at + 6, NLM_F_REQUEST);
  putHost32(bytes, at + 8, sequence);
  putHost32(bytes, at + 12, 0);
  putNet16(bytes, at + 16, 0);
  putNet16(bytes, at + 18, NFNL_SUBSYS_NFTABLES);
  if (generation === undefined) return;
  putHost16(bytes, at + 20, 8);
  putHost16(bytes, at + 22, NFNL_BATCH_GENID);
  putNet32(bytes, at + 24, generation);
}
