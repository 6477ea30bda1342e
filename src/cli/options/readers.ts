import { meantHint } from '../../base/did-you-mean.ts';
import type { LabelSelector } from '../../model/label-selector.ts';
import { familyOf, type IpAddress, parseAddress } from '../../net/address.ts';
import { type PortSpan, parsePort } from '../../net/port.ts';
import { formatPrefix, hostPrefix, type Prefix, parseLoosePrefix, parsePrefix } from '../../net/prefix.ts';
import type { ListenAddress } from '../../observe/listening.ts';
import type { EnabledKinds } from '../../plan/options.ts';
import { isInterfaceName } from '../../sources/objects/node-config.ts';
import { formatPortList, parsePortRange } from '../../sources/objects/port-list.ts';
import { parseSelectorText } from '../../sources/objects/selector-text.ts';

/** What is wrong with a value, for the user. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

/**
 * Reads an option's value: text from the command line and the environment, any YAML value from a configuration file.
 * Throws ValueError.
 */
export interface Reader<Value> {
  (value: unknown): Value;
  /** All texts that it takes, if it takes only a few; for completion. */
  readonly choices?: readonly string[];
}

export const readText: Reader<string> = (value) => {
  if (typeof value !== 'string') throw new ValueError(`${show(value)} is no text`);
  if (value === '') throw new ValueError('the value is empty');
  return value;
};

/** `true` and `false`, as YAML or text; in the environment also `1` and `0`. */
export const readFlag: Reader<boolean> = (value) => {
  if (value === true || value === 'true' || value === '1') return true;
  if (value === false || value === 'false' || value === '0') return false;
  throw new ValueError(`${show(value)} is neither true nor false`);
};

export function readChoice<const Choice extends string>(choices: readonly Choice[]): Reader<Choice> {
  const read = (value: unknown) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new ValueError(
      `${show(value)} is none of ${choices.join(', ')}${meantHint(String(value), choices)}`,
    );
  };
  return Object.assign(read, { choices });
}

export function readWholeNumber(least: number, greatest: number): Reader<number> {
  return (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= greatest) {
      return number;
    }
    throw new ValueError(`${show(value)} is no whole number from ${least} to ${greatest}`);
  };
}

/** Nanoseconds of the units of Go's durations, as used by Kubernetes. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** `24h`, `1h30m`, `90s`, `0`: whole seconds, rounded down. */
export const readDuration: Reader<number> = (value) => {
  const text = value === 0 ? '0' : readText(value);
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new ValueError(`${show(value)} is no duration: write 24h, 1h30m or 90s; 0 for none`);
  }
  const nanoseconds = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0),
    0,
  );
  return Math.floor(nanoseconds / 1e9);
};

export const readInterfaceName: Reader<string> = (value) => {
  const text = readText(value);
  if (isInterfaceName(text)) return text;
  throw new ValueError(
    `${show(value)} is no name of an interface: 1 to 15 bytes without blanks, slashes and colons`,
  );
};

const KINDS = ['service', 'pod', 'egress'] as const;

export const readKinds: Reader<EnabledKinds> = (value) => {
  const wanted = readList(value).map(readChoice(KINDS));
  if (wanted.length === 0) throw new ValueError(`name at least one of ${KINDS.join(', ')}`);
  return {
    service: wanted.includes('service'),
    pod: wanted.includes('pod'),
    egress: wanted.includes('egress'),
  };
};

export const readPrefixes: Reader<readonly Prefix[]> = (value) =>
  readList(value).map((text) => {
    const prefix = parsePrefix(text);
    if (typeof prefix !== 'string') return prefix;
    const loose = parseLoosePrefix(text);
    throw new ValueError(
      loose === null
        ? `"${text}" is no CIDR: write ADDRESS/LENGTH, such as 10.0.0.0/8`
        : `"${text}" has bits set behind its length: write ${formatPrefix(loose)}`,
    );
  });

/** A final star stands for any rest. */
export const readNamespaces: Reader<readonly string[]> = (value) =>
  readList(value).map((text) => {
    if (/^(\*|[a-z0-9]([-a-z0-9]*(\*|[a-z0-9]))?)$/.test(text) && text.length <= 63) return text;
    throw new ValueError(`"${text}" is no name of a namespace: write shop, or team-* for all that begin so`);
  });

/** In kubectl's syntax. */
export const readSelector: Reader<LabelSelector> = (value) => {
  const selector = parseSelectorText(readText(value));
  if (!('wrong' in selector)) return selector;
  throw new ValueError(
    `"${selector.wrong}" is no label selector: write key=value, key in (a,b), key or !key`,
  );
};

/** `all`: null; `none`: no network; otherwise networks and single addresses. */
export const readExternalIPs: Reader<readonly Prefix[] | null> = (value) => {
  const texts = readList(value);
  if (texts.length === 1 && texts[0] === 'all') return null;
  if (texts.length === 1 && texts[0] === 'none') return [];
  if (texts.length === 0) throw new ValueError('name all, none, or networks such as 203.0.113.0/24');
  return texts.map((text) => {
    const address = parseAddress(text);
    return address === null ? (readPrefixes([text])[0] as Prefix) : hostPrefix(address);
  });
};

/** kube-proxy's health port, which load balancers know; only on loopback. */
export const DEFAULT_HEALTH_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 10256 };

/** podnat-controller's HTTP port; only on loopback. */
export const DEFAULT_HTTP_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 8484 };

/** kube-proxy's metrics address. */
export const DEFAULT_METRICS_ADDRESS: ListenAddress = { host: '127.0.0.1', port: 10249 };

/** `ADDRESS:PORT`, IPv6 in brackets; null if empty or a YAML key without a value. */
export const readListenAddress: Reader<ListenAddress | null> = (value) => {
  if (value === '' || value === null) return null;
  const parts = /^(?:\[(.+)\]|([^[\]:]+)):(\d{1,5})$/.exec(readText(value));
  const host = parseAddress(parts?.[1] ?? parts?.[2] ?? '');
  const port = parsePort(Number(parts?.[3]));
  if (host !== null && port !== null) return { host, port };
  throw new ValueError(
    `${show(value)} is no ADDRESS:PORT: write 127.0.0.1:8484, 0.0.0.0:8484 or [::]:8484; empty for none`,
  );
};

/** Without a final slash; the URL may contain a name and a password. */
export const readStateUri: Reader<string> = (value) => {
  const text = readText(value);
  if (/^https?:\/\/[^/]/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  // The text may contain a password, so it is not repeated.
  throw new ValueError('it is no URL: write http://HOST:PORT or http://NAME:PASSWORD@HOST:PORT');
};

/** An RFC 1123 subdomain: it becomes part of an object's name and of a path. */
export const readStateNode: Reader<string> = (value) => {
  const text = readText(value);
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text) && text.length <= 200) return text;
  throw new ValueError(`${show(value)} is no name of a node: lower-case letters, digits, "-" and "."`);
};

/** podnat-controller's default prefix of chain names. */
export const DEFAULT_PODNAT_PREFIX = 'podnat';

/** iptables takes 28 characters, and the longest suffix is `_FORWARD`. */
export const readChainPrefix: Reader<string> = (value) => {
  const text = readText(value);
  if (/^[A-Za-z0-9_-]{1,20}$/.test(text) && !text.startsWith('-')) return text;
  throw new ValueError(`${show(value)} is no prefix of chains: 1 to 20 letters, digits, "-" and "_"`);
};

/** Ports in the form that messages of the Pod NAT annotation show. */
export const readPorts: Reader<string> = (value) => {
  const texts = readList(typeof value === 'number' ? String(value) : value);
  return formatPortList(texts.map(readPortRange));
};

/** Ranges in Calico's syntax, `1024:29999`, or with a hyphen. */
export const readPortSpans: Reader<readonly PortSpan[]> = (value) => {
  const spans = readList(typeof value === 'number' ? String(value) : value).map((text) =>
    readPortRange(text.replace(':', '-')),
  );
  if (spans.length === 0) throw new ValueError('name at least one range, such as 1024:29999');
  return spans;
};

/** One range or port. */
export const readPortRangeOption: Reader<PortSpan> = (value) => {
  const [span, ...more] = readPortSpans(value);
  if (span === undefined || more.length > 0) throw new ValueError(`${show(value)} is not one range`);
  return span;
};

/** At most one address per family. */
export const readOnePerFamily: Reader<readonly IpAddress[]> = (value) => {
  const addresses = readList(value).map((text) => {
    const address = parseAddress(text);
    if (address === null) throw new ValueError(`"${text}" is no IPv4 or IPv6 address`);
    return address;
  });
  if (addresses.length === 0) throw new ValueError('name an address');
  if (new Set(addresses.map(familyOf)).size < addresses.length) {
    throw new ValueError(`${addresses.join(', ')}: name one address of each family at most`);
  }
  return addresses;
};

/** docs/spec/egress-nat.md, "The decision", 10. */
export const readInterface: Reader<string> = (value) => {
  const text = readText(value);
  if (/^[a-zA-Z0-9:._+-]{1,15}$/.test(text)) return text;
  throw new ValueError(
    `"${text}" is no name of an interface: 1 to 15 letters, digits or :._-, a + at the end`,
  );
};

function readPortRange(text: string): PortSpan {
  const range = parsePortRange(text) ?? (/^\d{1,5}$/.test(text) ? sameBothEnds(Number(text)) : null);
  if (range === null || parsePort(range.first) === null || parsePort(range.last) === null) {
    throw new ValueError(`"${text}" is neither a port from 1 to 65535 nor a range such as 30000-32767`);
  }
  if (range.last < range.first) throw new ValueError(`"${text}" runs backwards: write the lower port first`);
  return range;
}

function sameBothEnds(port: number): PortSpan {
  return { first: port, last: port };
}

/** `a,b` or a list of texts; an empty text is an empty list. */
function readList(value: unknown): string[] {
  if (typeof value === 'string')
    return value.trim() === '' ? [] : value.split(',').map((part) => part.trim());
  if (Array.isArray(value)) {
    return value.map((item: unknown) => {
      if (typeof item === 'string' || typeof item === 'number') return String(item);
      throw new ValueError(`${show(item)} in the list is no text`);
    });
  }
  throw new ValueError(`${show(value)} is neither a list nor texts with commas between them`);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
