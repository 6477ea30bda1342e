import { isIPv4, isIPv6 } from 'node:net';

/**
 * Addresses and networks as the CEL functions of Kubernetes read them (k8s.io/apiserver/pkg/cel/library: ip.go,
 * cidr.go): Go's net/netip, without IPv4-mapped IPv6 addresses. Made without knat's own parsers, which they check.
 */
export class KubernetesIp {
  readonly family: 4 | 6;
  readonly value: bigint;

  constructor(family: 4 | 6, value: bigint) {
    this.family = family;
    this.value = value;
  }

  static parse(text: string): KubernetesIp | null {
    if (isIPv4(text)) return new KubernetesIp(4, join(text.split('.').map(Number), 8n));
    if (!isIPv6(text) || text.includes('%')) return null;
    const value = join(groups(text), 16n);
    return value >> 32n === 0xffffn ? null : new KubernetesIp(6, value);
  }

  get bits(): number {
    return this.family === 4 ? 32 : 128;
  }
}

export class KubernetesCidr {
  readonly ip: KubernetesIp;
  /** Of the prefix, in bits. */
  readonly length: number;

  constructor(ip: KubernetesIp, length: number) {
    this.ip = ip;
    this.length = length;
  }

  static parse(text: string): KubernetesCidr | null {
    const parts = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
    const ip = KubernetesIp.parse(parts?.[1] ?? '');
    const length = Number(parts?.[2]);
    return ip === null || length > ip.bits ? null : new KubernetesCidr(ip, length);
  }

  masked(): KubernetesCidr {
    const rest = BigInt(this.ip.bits - this.length);
    return new KubernetesCidr(new KubernetesIp(this.ip.family, (this.ip.value >> rest) << rest), this.length);
  }

  contains(ip: KubernetesIp): boolean {
    return ip.family === this.ip.family && this.masked().equals(new KubernetesCidr(ip, this.length).masked());
  }

  equals(other: KubernetesCidr): boolean {
    const { ip, length } = other;
    return ip.family === this.ip.family && ip.value === this.ip.value && length === this.length;
  }
}

/** The eight groups of an IPv6 address; the parser of URLs writes an embedded IPv4 address as two of them. */
function groups(text: string): number[] {
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const read = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = read(head);
  const after = read(tail ?? '');
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((value, part) => (value << bits) | BigInt(part), 0n);
}
