import { type IpAddress, parseAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import { maskedPrefix, type Prefix, parseLoosePrefix } from '../../net/prefix.ts';
import { PROTOCOLS, parseProtocol } from '../../net/protocol.ts';
import {
  type ForeignChain,
  type ForeignRule,
  type ForeignTable,
  IPTABLES_TARGETS,
  matchOfAll,
  type RuleAction,
  type RuleMatch,
} from './foreign-table.ts';

/**
 * Reads what `iptables-save` prints: `*nat` opens a table, `:CHAIN POLICY [packets:bytes]` declares a chain with the
 * policy `-` unless it is a base chain, `-A CHAIN …` is a rule, `COMMIT` closes the table.
 *
 * @param program whose output it is: `iptables-legacy`
 */
export function parseSavedTables(
  text: string,
  program: string,
  family: Family,
): ReadonlyMap<string, ForeignTable<string>> {
  const tables = new Map<string, ForeignTable<string>>();
  let chains: ForeignChain[] = [];
  let rules: ForeignRule<string>[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      [chains, rules] = [[], []];
      const name = line.slice(1).trim();
      tables.set(name, { title: `${name} of ${program}`, name, chains, rules });
    } else if (line.startsWith(':')) {
      const [name = '', policy] = line.slice(1).split(' ');
      chains.push({ name, base: policy === '-' ? null : {}, policyDrops: policy === 'DROP' });
    } else if (line.startsWith('-A ')) rules.push(new SavedRule(line, family));
  }
  return tables;
}

/**
 * `-A CHAIN`, then matches, each negated by a preceding `!`, then `-j TARGET` with its options
 * (iptables-extensions(8)). Conditions are parsed only when `match` is used: large tables are mostly read for their
 * jumps.
 */
class SavedRule implements ForeignRule<string> {
  readonly id: string;
  readonly chain: string;
  readonly action: RuleAction;
  readonly #family: Family;
  #match: RuleMatch | null = null;

  constructor(line: string, family: Family) {
    const words = wordsOf(line);
    this.id = line;
    this.chain = words[1] ?? '';
    this.action = actionIn(words);
    this.#family = family;
  }

  get match(): RuleMatch {
    this.#match ??= matchIn(wordsOf(this.id), this.#family);
    return this.#match;
  }

  /** Comments match every packet. */
  get covers(): ForeignRule['covers'] {
    const plain = this.id.replace(/ -m comment --comment ("(\\.|[^"\\])*"|\S+)/g, '');
    const matches = /^-A \S+(.*?) -[jg] \S+/.exec(plain)?.[1];
    if (matches === undefined) return 'some';
    if (matches === '') return 'all';
    const states = /^ -m conntrack --ctstate (\S+)$/.exec(matches)?.[1];
    return states?.split(',').includes('DNAT') ? 'translated' : 'some';
  }
}

/** Negated and unknown matches count as absent. */
function matchIn(words: readonly string[], family: Family): RuleMatch {
  const match = matchOfAll([family]);
  for (let at = 2; at < words.length; at++) {
    const isNegated = words[at - 1] === '!';
    const next = words[at + 1] ?? '';
    switch (words[at]) {
      case '-p':
        if (isNegated) break;
        match.protocols = next === 'all' ? PROTOCOLS : [parseProtocol(next) ?? []].flat();
        break;
      case '--dport':
      case '--dports':
        // Negated ports leave nearly all ports: such a rule maps no port.
        match.ports = isNegated ? [] : next.split(',').flatMap((span) => spanOf(span) ?? []);
        break;
      case '-s':
        if (!isNegated) match.source = networkOf(next);
        break;
      case '-d':
        if (!isNegated) match.destination = networkOf(next);
        break;
      case '-o':
        if (isNegated) match.notOut = next;
        break;
      case '--mark':
        match.isMarked = true;
        break;
    }
  }
  return match;
}

function actionIn(words: readonly string[]): RuleAction {
  let action: RuleAction = { kind: 'other' };
  for (let at = 2; at < words.length; at++) {
    const next = words[at + 1] ?? '';
    switch (words[at]) {
      case '--notrack': // of the target CT
        action = { kind: 'notrack' };
        break;
      case '-j':
      case '-g':
        action = IPTABLES_TARGETS.get(next) ?? { kind: words[at] === '-g' ? 'goto' : 'jump', chain: next };
        break;
      case '--to-destination':
        action = { kind: 'dnat', to: addressIn(next) };
        break;
    }
  }
  return action;
}

/** `10.88.0.2:80`, `[fd00::2]:25`, `10.88.0.2`, `10.88.0.2-10.88.0.9:80`, `:8080`. */
function addressIn(text: string): IpAddress | null {
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  return parseAddress(bracketed ?? text) ?? parseAddress(text.replace(/:[\d-]+(\/\d+)?$/, ''));
}

function spanOf(text: string): PortSpan | null {
  const [first = 0, last = first] = text.split(':').map(Number);
  return Number.isInteger(first) && Number.isInteger(last) ? { first, last } : null;
}

function networkOf(text: string): Prefix | null {
  const masked = /^(.+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (masked === null)
    return parseLoosePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  const address = parseAddress(masked[1] ?? '');
  const bits = (masked[2] ?? '').split('.').map((byte) => Number(byte).toString(2).padStart(8, '0'));
  const length = bits.join('').indexOf('0');
  return address === null ? null : maskedPrefix(address, length === -1 ? 32 : length);
}

/** Splits at spaces; quotes keep spaces, a backslash escapes a quote. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
