import { isIPv4, isIPv6 } from 'node:net';

/**
 * Addresses as numbers, for the oracles only. They do not use `src/net` on purpose: a fault there would
 * be on both sides of the comparison, and no test would find it.
 */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
  /** The form that Kubernetes and the kernel print: IPv6 compressed and in lower case. */
  readonly text: string;
}

export type Family = 'IPv4' | 'IPv6';

const BITS: Readonly<Record<Family, bigint>> = { IPv4: 32n, IPv6: 128n };

/** Reads an address; undefined when `text` is none. */
export function address(text: string | undefined): Address | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (isIPv4(text)) {
    return { family: 'IPv4', value: joined(text.split('.').map(Number), 8n), text };
  }
  if (!isIPv6(text) || text.includes('%') || text.includes('.')) {
    return undefined;
  }
  const hextets = expanded(text.toLowerCase());
  return { family: 'IPv6', value: joined(hextets, 16n), text: compressed(hextets) };
}

/** Whether the CIDR contains the address. False for a CIDR of the other family and for an invalid one. */
export function inCidr(cidr: string, of: Address): boolean {
  const [base, bits] = cidr.split('/');
  const network = address(base);
  if (network === undefined || bits === undefined || network.family !== of.family) {
    return false;
  }
  const shift = BITS[of.family] - BigInt(bits);
  return network.value >> shift === of.value >> shift;
}

/** The family of a CIDR, or undefined where it is none. */
export function familyOfCidr(cidr: string): Family | undefined {
  return cidr.includes('/') ? address(cidr.split('/')[0])?.family : undefined;
}

/** `ip:port`, or `[ip6]:port`. */
export function hostPort(host: Address, port: number): string {
  return host.family === 'IPv4' ? `${host.text}:${port}` : `[${host.text}]:${port}`;
}

export function isLoopback(of: Address): boolean {
  return inCidr('127.0.0.0/8', of) || inCidr('::1/128', of);
}

function joined(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((sum, part) => (sum << width) | BigInt(part), 0n);
}

function expanded(text: string): readonly number[] {
  const [head = '', tail] = text.split('::');
  const numbers = (side: string) =>
    side === '' ? [] : side.split(':').map((part) => Number.parseInt(part, 16));
  const left = numbers(head);
  const right = tail === undefined ? [] : numbers(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** RFC 5952: the longest run of two or more zeros, the first of equals, becomes `::`. */
function compressed(hextets: readonly number[]): string {
  const text = hextets.map((hextet) => hextet.toString(16));
  for (let length = 8; length >= 2; length--) {
    for (let from = 0; from + length <= 8; from++) {
      if (hextets.slice(from, from + length).every((hextet) => hextet === 0)) {
        return `${text.slice(0, from).join(':')}::${text.slice(from + length).join(':')}`;
      }
    }
  }
  return text.join(':');
}
