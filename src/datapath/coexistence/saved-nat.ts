import { type IpAddress, parseAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import { maskedPrefix, type Prefix, parseLoosePrefix } from '../../net/prefix.ts';
import { PROTOCOLS, parseProtocol } from '../../net/protocol.ts';
import { ANY, type NatRule, type RuleAction, type RuleMatch } from './nat-rule.ts';

/**
 * The rules of one table as `iptables-save` prints them: `-A CHAIN`, then matches, each of which `!` turns round, then
 * `-j TARGET` (iptables-extensions(8)). A match that is turned round counts as not asked, as does what is not known.
 */
export function parseSavedNat(text: string, table: string, family: Family): NatRule[] {
  const rules: NatRule[] = [];
  let isInside = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) isInside = line.slice(1).trim() === table;
    else if (isInside && line.startsWith('-A ')) rules.push(parseRule(line, family));
  }
  return rules;
}

function parseRule(line: string, family: Family): NatRule {
  const words = wordsOf(line);
  const match: { -readonly [Key in keyof RuleMatch]: RuleMatch[Key] } = { ...ANY, families: [family] };
  let action: RuleAction = { kind: 'other' };
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
        // Of ports that are turned round nearly all are left: such a rule is no mapping of a port.
        match.ports = isNegated ? [] : next.split(',').flatMap((span) => spanOf(span) ?? []);
        break;
      case '-s':
        if (!isNegated) match.source = prefixOf(next);
        break;
      case '-d':
        if (!isNegated) match.destination = prefixOf(next);
        break;
      case '-o':
        if (isNegated) match.notOut = next;
        break;
      case '--mark':
        match.isMarked = true;
        break;
      case '--notrack': // of the target CT
        action = { kind: 'notrack' };
        break;
      case '-j':
      case '-g':
        action = actionOf(next);
        break;
      case '--to-destination':
        action = { kind: 'dnat', to: targetOf(next) };
        break;
    }
  }
  return { chain: words[1] ?? '', match, action };
}

/** Targets of iptables that are of interest here; those that end a rule without one, by their names. */
function actionOf(target: string): RuleAction {
  switch (target) {
    case 'DNAT':
    case 'REDIRECT':
      return { kind: 'dnat', to: null };
    case 'SNAT':
      return { kind: 'snat' };
    case 'MASQUERADE':
      return { kind: 'masquerade' };
    case 'NETMAP':
      return { kind: 'netmap' };
    case 'NOTRACK':
      return { kind: 'notrack' };
    case 'CT':
    case 'ACCEPT':
    case 'DROP':
    case 'RETURN':
    case 'MARK':
    case 'CONNMARK':
    case 'LOG':
      return { kind: 'other' };
    default:
      return { kind: 'jump', chain: target };
  }
}

/** `10.88.0.2:80`, `[fd00::2]:25`, `10.88.0.2`, `10.88.0.2-10.88.0.9:80`, `:8080`. */
function targetOf(text: string): IpAddress | null {
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  return parseAddress(bracketed ?? text) ?? parseAddress(text.replace(/:[\d-]+(\/\d+)?$/, ''));
}

function spanOf(text: string): PortSpan | null {
  const [first = 0, last = first] = text.split(':').map(Number);
  return Number.isInteger(first) && Number.isInteger(last) ? { first, last } : null;
}

function prefixOf(text: string): Prefix | null {
  const masked = /^(.+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (masked === null)
    return parseLoosePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  const address = parseAddress(masked[1] ?? '');
  const bits = (masked[2] ?? '').split('.').map((byte) => Number(byte).toString(2).padStart(8, '0'));
  const length = bits.join('').indexOf('0');
  return address === null ? null : maskedPrefix(address, length === -1 ? 32 : length);
}

/** Splits at blanks; quotes keep blanks, and a backslash keeps a quote. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
