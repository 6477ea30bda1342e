/**
 * What a table says, as text: of the nodes that we would write, and of what the kernel dumps. Two tables with equal texts
 * treat packets alike and are listed alike.
 *
 * Compared are whether the table is dormant, its comment, chains (type, hook, priority, policy, comment), sets (flags,
 * types, lengths, size, timeouts, comment and typeof), and rules in their order (expressions, comment). Not compared: names of
 * tables, handles, counters, elements, sets without a name (no rule of ours has one), and attributes that the tables of
 * src/wire/nftables do not know, so that what a newer kernel adds changes nothing.
 */
import { hex } from '../../../wire/bytes.ts';
import type { TableDump } from '../../../wire/nftables/connection.ts';
import {
  type ChainDeclaration,
  NFT_TABLE_F_DORMANT,
  type RuleDeclaration,
  type SetDeclaration,
  setFlags,
  type TableDeclaration,
} from '../../../wire/nftables/declarations.ts';
import { decodeExpression, type Expression, numbers } from '../../../wire/nftables/expressions.ts';
import { chainAttributesOf, ruleUserdata, setAttributesOf } from './attributes.ts';
import { expressionsOf } from './expressions.ts';
import type { ChainNode, SetNode, TableNode } from './nodes.ts';
import { commentUserdata } from './userdata.ts';
import { VERDICT_TYPE } from './values.ts';

/** A table as texts that can be compared. */
export interface TableContent {
  readonly table: string;
  /** By their names. */
  readonly sets: ReadonlyMap<string, string>;
  readonly chains: ReadonlyMap<string, ChainContent>;
}

interface ChainContent {
  readonly declaration: string;
  /** In their order. */
  readonly rules: readonly string[];
}

/** What we would write. */
export function contentOf({ comment, sets, chains }: TableNode): TableContent {
  return {
    table: tableLine({ userdata: commentUserdata(comment) }),
    sets: new Map(sets.map((set) => [set.name, setLine(nameAndAttributes(set))])),
    chains: new Map(chains.map((chain) => [chain.name, chainContent(chain)])),
  };
}

/** What the kernel has. */
export function contentOfDump({ table, sets, chains, rules }: TableDump): TableContent {
  const byChain = new Map<string, string[]>(chains.map(({ name = '' }) => [name, []]));
  const texts = linesOf(rules, isSameDump, dumpedRule);
  for (const [index, rule] of rules.entries()) byChain.get(rule.chain ?? '')?.push(texts[index] ?? '');
  const named = sets.filter((set) => !isAnonymous(set));
  return {
    table: tableLine(table),
    sets: new Map(named.map((set) => [set.name ?? '', setLine(set)])),
    chains: new Map(
      chains.map((chain) => {
        const { name = '' } = chain;
        return [name, { declaration: chainLine(chain), rules: byChain.get(name) ?? [] }];
      }),
    ),
  };
}

/** Chains by their names: those to add, those whose rules are to be written anew, those to take away. */
export interface ChainChanges {
  readonly add: readonly string[];
  readonly rewrite: readonly string[];
  readonly remove: readonly string[];
}

/** How the rules of a table become those of another; null where more than rules and chains without a hook differ. */
export function chainChanges(from: TableContent, to: TableContent): ChainChanges | null {
  if (from.table !== to.table || from.sets.size !== to.sets.size) return null;
  for (const [name, text] of to.sets) if (from.sets.get(name) !== text) return null;
  const add: string[] = [];
  const rewrite: string[] = [];
  for (const [name, { declaration, rules }] of to.chains) {
    const before = from.chains.get(name);
    if (before === undefined) add.push(name);
    else if (before.declaration !== declaration) return null;
    else if (before.rules.join('\n') !== rules.join('\n')) rewrite.push(name);
  }
  const remove = [...from.chains.keys()].filter((name) => !to.chains.has(name));
  return { add, rewrite, remove };
}

export function isNothing({ add, rewrite, remove }: ChainChanges): boolean {
  return add.length + rewrite.length + remove.length === 0;
}

function nameAndAttributes(set: SetNode) {
  return { name: set.name, ...setAttributesOf(set) };
}

/** Chains that are the same node in every variant of a table are put into words once. */
const contents = new WeakMap<ChainNode, ChainContent>();

function chainContent(chain: ChainNode): ChainContent {
  const known = contents.get(chain);
  if (known !== undefined) return known;
  const content = contentOfChain(chain);
  contents.set(chain, content);
  return content;
}

function contentOfChain(chain: ChainNode): ChainContent {
  const rules = linesOf(
    chain.rules,
    (one, other) => one === other,
    (rule) => ruleLine(expressionsOf(rule.statements).map(expressionText), ruleUserdata(rule).userdata),
  );
  return { declaration: chainLine({ name: chain.name, ...chainAttributesOf(chain) }), rules };
}

/** The line of each rule. One that is the same as the rule before it, as the draws of a chain are, has the same line. */
function linesOf<Rule>(
  rules: readonly Rule[],
  isSame: (one: Rule, other: Rule) => boolean,
  lineOf: (rule: Rule) => string,
): string[] {
  const lines: string[] = [];
  for (const [index, rule] of rules.entries()) {
    const before = rules[index - 1];
    const isRepeated = before !== undefined && isSame(before, rule);
    lines.push(isRepeated ? (lines[index - 1] as string) : lineOf(rule));
  }
  return lines;
}

function isSameDump(one: RuleDeclaration, other: RuleDeclaration): boolean {
  const [some, others] = [one.expressions ?? [], other.expressions ?? []];
  return (
    some.length === others.length &&
    isSameBytes(one.userdata, other.userdata) &&
    some.every(
      ({ name, data }, index) => name === others[index]?.name && isSameBytes(data, others[index]?.data),
    )
  );
}

function isSameBytes(one: Uint8Array = noBytes, other: Uint8Array = noBytes): boolean {
  return Buffer.compare(one, other) === 0;
}

const noBytes = new Uint8Array(0);

function dumpedRule({ expressions = [], userdata }: RuleDeclaration): string {
  const texts = expressions.map((raw) => {
    const expression = decodeExpression(raw);
    if (expression === null) return `${raw.name} ${hex(raw.data ?? new Uint8Array(0))}`;
    return expressionText(expression);
  });
  return ruleLine(texts, userdata);
}

function ruleLine(expressions: readonly string[], userdata: Uint8Array | undefined): string {
  return `rule ${expressions.join(' ')} ${text(userdata)}`;
}

function tableLine({ flags = 0, userdata }: Pick<TableDeclaration, 'flags' | 'userdata'>): string {
  return `table ${text({ dormant: (flags & NFT_TABLE_F_DORMANT) !== 0, userdata })}`;
}

function chainLine({ name, type, hook, policy, userdata }: Omit<ChainDeclaration, 'raw'>): string {
  const { hook: number, priority, device, devices } = hook ?? {};
  return `chain ${text({ name, type, number, priority, device, devices, policy, userdata })}`;
}

function setLine(set: Omit<SetDeclaration, 'raw'>): string {
  return `set ${set.name} ${setText(set)} ${text(set.userdata)}`;
}

function setText(set: Omit<SetDeclaration, 'raw'>): string {
  const { flags = 0, keyType, keyLength, dataType, description, timeout = 0n, collectionInterval = 0 } = set;
  const dataLength = dataType === VERDICT_TYPE ? undefined : set.dataLength; // the kernel tells its own
  const fields = description?.fields?.map(({ length }) => length ?? 0);
  const shape = {
    flags,
    keyType,
    keyLength,
    dataType,
    dataLength,
    size: description?.size ?? 0,
    fields,
    timeout,
    collectionInterval,
  };
  return text({ ...shape, expression: set.expression?.name, expressions: set.expressions?.length });
}

function isAnonymous({ flags = 0 }: Pick<SetDeclaration, 'flags'>): boolean {
  return (flags & setFlags.NFT_SET_ANONYMOUS) !== 0;
}

function expressionText(expression: Expression): string {
  return `${expression.name} ${text(settled(expression))}`;
}

/** The attributes with what the kernel adds of itself, and what it leaves out. */
function settled({ name, attributes }: Expression): object {
  switch (name) {
    case 'dynset':
      return {
        ...attributes,
        setId: undefined,
        timeout: attributes.timeout ?? 0n,
        flags: attributes.flags ?? 0,
      };
    case 'lookup':
      return { ...attributes, setId: undefined, flags: attributes.flags ?? 0 };
    case 'numgen':
      return { ...attributes, offset: attributes.offset ?? 0 };
    case 'hash':
      return { ...attributes, offset: attributes.offset ?? 0, type: attributes.type ?? 0 };
    case 'bitwise':
      return { ...attributes, operation: attributes.operation ?? 0 };
    case 'reject':
      return attributes.type === numbers.reject.unreachable ? attributes : { ...attributes, code: undefined };
    case 'nat':
    case 'masq': {
      const derived = numbers.natFlags['map-ips'] | numbers.natFlags.ports; // from the registers that are named
      const flags = (attributes.flags ?? 0) & ~derived;
      const portMax = attributes.portMax ?? attributes.portMin;
      if (name === 'masq') return { ...attributes, portMax, flags };
      return { ...attributes, addressMax: attributes.addressMax ?? attributes.addressMin, portMax, flags };
    }
    default:
      return attributes;
  }
}

/** Properties in the order of their names, without those that are absent or that no table knows. */
function text(value: unknown): string {
  if (value === undefined || value === null) return '-';
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return `[${value.map(text).join()}]`;
  if (typeof value !== 'object') return typeof value === 'string' ? JSON.stringify(value) : String(value);
  const properties = Object.entries(value).filter(([key, one]) => one !== undefined && key !== 'unknown');
  return `(${properties
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${key}=${text(one)}`)
    .join(' ')})`;
}
