/**
 * A digest of what a table's text says: two loads of the same text have the same fingerprint, whatever the table is
 * called, whether it is dormant, and whatever has been counted or added to its sets since.
 *
 * Included: chains (name, type, hook, policy, flags, comment), rules in their order (expressions, comment), sets (name,
 * flags, key and data, description, timeouts, comment), and the elements of anonymous sets, which stand in the rules'
 * text. Left out: the table's name and flags, handles, positions, use counts, counters, elements of named sets.
 * Only attributes that are listed here are included, so that what a newer kernel adds changes nothing.
 */
import { createHash } from 'node:crypto';
import type { Decoded } from '../attributes.ts';
import { eachAttribute } from '../attributes.ts';
import { ByteWriter, hex } from '../bytes.ts';
import type {
  ChainDeclaration,
  expressionAttributes,
  RuleDeclaration,
  SetDeclaration,
} from './declarations.ts';
import { type SetElement, writeElement } from './element.ts';

/** What a fingerprint is taken of. */
export interface TableContent {
  readonly chains: readonly ChainDeclaration[];
  /** In the kernel's order. */
  readonly rules: readonly RuleDeclaration[];
  readonly sets: readonly SetDeclaration[];
  /** The elements of each anonymous set, by its name. */
  readonly anonymous: ReadonlyMap<string, readonly SetElement[]>;
}

/** 64 hexadecimal digits: SHA-256. */
export function fingerprintOf(content: TableContent): string {
  const lines = [
    ...content.chains.map(chainLine).sort(),
    ...content.sets.map((set) => setLine(set, content.anonymous.get(set.name ?? ''))).sort(),
    ...content.rules.map(ruleLine),
  ];
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function chainLine(chain: ChainDeclaration): string {
  const { name, type, hook, policy, flags, userdata } = chain;
  return line('chain', [
    name,
    type,
    hook?.hook,
    hook?.priority,
    hook?.device,
    hook?.devices,
    policy,
    flags,
    userdata,
  ]);
}

function setLine(set: SetDeclaration, elements: readonly SetElement[] = []): string {
  const { name, flags, keyType, keyLength, dataType, dataLength, policy, description, userdata } = set;
  const fields = description?.fields?.map((field) => field.length).join('.');
  const expressions = [...(set.expression === undefined ? [] : [set.expression]), ...(set.expressions ?? [])];
  return line('set', [
    name,
    flags,
    keyType,
    keyLength,
    dataType,
    dataLength,
    policy,
    description?.size,
    fields,
    set.timeout,
    set.collectionInterval,
    set.objectType,
    userdata,
    expressions.map(expressionText).join(' '),
    elements.map(elementText).sort().join(' '),
  ]);
}

function ruleLine(rule: RuleDeclaration): string {
  const expressions = (rule.expressions ?? []).map(expressionText).join(' ');
  return line('rule', [rule.chain, expressions, rule.compat, rule.userdata]);
}

function elementText(element: SetElement): string {
  const writer = new ByteWriter();
  writeElement(writer, element);
  return hex(writer.written);
}

/** Attributes of expressions that tell what happened, by the expression's name: nf_tables.h, `enum nft_…_attributes`. */
const happened: Readonly<Record<string, readonly number[]>> = {
  counter: [1, 2], // NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS
  quota: [4], // NFTA_QUOTA_CONSUMED
  last: [1, 2], // NFTA_LAST_SET, NFTA_LAST_MSECS
};

function expressionText(expression: Decoded<typeof expressionAttributes.rows>): string {
  const { name = '', data = new Uint8Array(0) } = expression;
  const left = happened[name] ?? [];
  let text = name;
  eachAttribute(data, 0, data.length, name, (type, start, end) => {
    if (!left.includes(type)) text += `,${type}=${hex(data.subarray(start, end))}`;
  });
  return text;
}

function line(kind: string, values: readonly (string | number | bigint | Uint8Array | undefined)[]): string {
  const texts = values.map((value) => (value instanceof Uint8Array ? hex(value) : String(value ?? '-')));
  return `${kind} ${texts.map((text) => JSON.stringify(text)).join(' ')}`;
}
