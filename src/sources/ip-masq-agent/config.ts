import { isRecord } from '../../base/json.ts';
import type { Finding } from '../../model/finding.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import type { IpMasqAgentFact } from '../../model/ip-masq-agent.ts';
import { type Prefix, parsePrefix, prefixOf } from '../../net/prefix.ts';
import { describe, hostBitsMessage } from '../objects/fields.ts';
import type { ManifestRoot } from '../objects/manifest-root.ts';
import { readRoots } from '../objects/manifest-text.ts';
import { keyHint } from '../objects/schema-errors.ts';

export interface IpMasqAgentConfig {
  readonly fact: IpMasqAgentFact;
  /** How often the file is read without an event, in milliseconds. */
  readonly resyncMs: number;
}

export interface IpMasqAgentReading {
  /** Null: the file cannot be used. */
  readonly config: IpMasqAgentConfig | null;
  readonly problems: readonly Finding[];
}

const KEYS = [
  'nonMasqueradeCIDRs',
  'cidrLimit',
  'masqLinkLocal',
  'masqLinkLocalIPv6',
  'resyncInterval',
] as const;
type Key = (typeof KEYS)[number];

/** RFC 1918: destinations that are not masqueraded by default. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(prefixOf);
const CIDR_LIMIT = 64;
const RESYNC_MS = 60_000;

/** A file overrides the defaults key by key. */
export function defaultIpMasqAgentConfig(name: string): IpMasqAgentConfig {
  return {
    fact: { name, nonMasqueradeCIDRs: PRIVATE, masqLinkLocal: false, masqLinkLocalIPv6: false },
    resyncMs: RESYNC_MS,
  };
}

/**
 * Reads the text of a file, YAML or JSON, as ip-masq-agent does (goyaml v2, then encoding/json into the defaults): keys
 * in any case, the last of several; YAML 1.1; a list without a value is an empty list, any other key without a value
 * counts as absent. An unknown key is a warning, any other fault makes the whole file unusable. Never throws.
 */
export function parseIpMasqAgentConfig(text: string, filename: string): IpMasqAgentReading {
  const problems: Finding[] = [];
  const add = (severity: Finding['severity'], line: number, field: string, message: string) => {
    const code: SourceCode = 'KNAT_IP_MASQ_AGENT_CONFIG';
    problems.push({ code, severity, origin: `${filename}:${line}`, object: null, field, message });
  };
  const roots = readRoots(text, filename, 'go');
  if ('message' in roots) {
    add('error', roots.line, '', roots.message);
    return { config: null, problems };
  }
  const [root, ...others] = roots;
  const second = others.find(({ value }) => value !== null);
  if (second !== undefined)
    add('error', second.lineOf([]), '', 'only one document is read: remove the others');
  const value = root?.value ?? null;
  if (root !== undefined && value !== null && !isRecord(value)) {
    add('error', root.lineOf([]), '', `${describe(value)} is no configuration: write its keys`);
  }
  if (root !== undefined && isConfigMap(value)) {
    const message = 'this is a whole ConfigMap: give data.config of it as the file';
    add('error', root.lineOf([]), '', message);
    return { config: null, problems };
  }
  const defaults = defaultIpMasqAgentConfig(filename);
  if (root === undefined || !isRecord(value))
    return { config: problems.length === 0 ? defaults : null, problems };
  const config = readKeys(root, value, defaults, add);
  return { config: problems.some(({ severity }) => severity === 'error') ? null : config, problems };
}

function isConfigMap(value: unknown): boolean {
  return isRecord(value) && (value.kind === 'ConfigMap' || ('apiVersion' in value && 'data' in value));
}

type Add = (severity: Finding['severity'], line: number, field: string, message: string) => void;

function readKeys(
  root: ManifestRoot,
  value: Readonly<Record<string, unknown>>,
  defaults: IpMasqAgentConfig,
  add: Add,
): IpMasqAgentConfig {
  const given = new Map<Key, { written: string; value: unknown }>();
  // encoding/json uses the last spelling of a key in byte order, since maps have no other order.
  for (const [written, each] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const key = KEYS.find((known) => known.toLowerCase() === written.toLowerCase());
    if (key === undefined) {
      add('warning', root.lineOf([written]), written, `unknown key: ${keyHint(written, KEYS)}`);
    } else if (each !== null) given.set(key, { written, value: each });
    else if (key === 'nonMasqueradeCIDRs') given.set(key, { written, value: [] });
  }
  const read = <Value>(key: Key, fallback: Value, reader: (value: unknown) => Value | string): Value => {
    const found = given.get(key);
    if (found === undefined) return fallback;
    const result = reader(found.value);
    if (typeof result !== 'string') return result;
    add('error', root.lineOf([found.written]), key, result);
    return fallback;
  };
  const limit = read('cidrLimit', CIDR_LIMIT, readLimit);
  const { fact, resyncMs } = defaults;
  return {
    fact: {
      name: fact.name,
      nonMasqueradeCIDRs: read('nonMasqueradeCIDRs', fact.nonMasqueradeCIDRs, (list) =>
        readPrefixes(list, limit),
      ),
      masqLinkLocal: read('masqLinkLocal', fact.masqLinkLocal, readFlag),
      masqLinkLocalIPv6: read('masqLinkLocalIPv6', fact.masqLinkLocalIPv6, readFlag),
    },
    resyncMs: read('resyncInterval', resyncMs, readDuration),
  };
}

function readLimit(value: unknown): number | string {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
    ? value
    : `must be a whole number, not ${describe(value)}`;
}

function readFlag(value: unknown): boolean | string {
  return typeof value === 'boolean' ? value : `must be true or false, not ${describe(value)}`;
}

function readPrefixes(value: unknown, limit: number): readonly Prefix[] | string {
  if (!Array.isArray(value)) return `must be a list, not ${describe(value)}`;
  if (value.length > limit)
    return `${value.length} networks, and cidrLimit is ${limit}: raise it, or join networks`;
  const prefixes: Prefix[] = [];
  for (const each of value) {
    const prefix = typeof each === 'string' ? parsePrefix(each) : 'syntax';
    if (prefix === 'host-bits') return hostBitsMessage(String(each));
    if (prefix === 'syntax') return `"${String(each)}" is no CIDR: write ADDRESS/LENGTH`;
    prefixes.push(prefix);
  }
  return prefixes;
}

const UNITS = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
/** Shorter intervals, which ip-masq-agent would use without a pause, become one second. */
const SHORTEST_MS = 1000;

/** A duration as Go reads it: `60s`, `1m30s`, `-1s`, `0`. */
function readDuration(value: unknown): number | string {
  const text = typeof value === 'string' ? value : '';
  const unsigned = text.replace(/^[+-]/, '');
  const parts = [...unsigned.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  const isWhole = unsigned !== '' && parts.map(([whole]) => whole).join('') === unsigned;
  if (!isWhole && unsigned !== '0') {
    return `${describe(value)} is no duration: write 60s or 1m30s`;
  }
  const total = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * UNITS[unit as keyof typeof UNITS],
    0,
  );
  return Math.max(SHORTEST_MS, text.startsWith('-') ? 0 : total);
}
