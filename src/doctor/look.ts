import { readFileSync } from 'node:fs';
import { ForeignRules } from '../datapath/coexistence/foreign-rules.ts';
import { ForwardChains } from '../datapath/coexistence/forward-chains.ts';
import { KubeProxyRules } from '../datapath/coexistence/kube-proxy.ts';
import type { Datapath } from '../datapath/datapath.ts';
import { FAMILIES } from '../net/family.ts';
import { maskedPrefix } from '../net/prefix.ts';
import { RouteConnection } from '../wire/route/connection.ts';
import { isOuterKind, waysOut } from '../wire/route/way-out.ts';
import { foreignSourceNat, untrackedRules } from './foreign-source-nat.ts';
import type { ConntrackFacts, HostFacts, InterfaceFacts, PlatformFacts, Sysctls } from './host-facts.ts';

/** Facts that need neither an agent nor a source. */
export type SeenFacts = Omit<HostFacts, 'agent' | 'pools' | 'differing'>;

/** Changes nothing. Unreadable facts are null; throws only when the signal aborts. */
export async function lookAtHost(
  datapath: Datapath | Error,
  remedyOf: (error: unknown) => string,
  signal: AbortSignal,
): Promise<SeenFacts> {
  const platform = await lookAtPlatform(datapath, remedyOf, signal);
  const interfaces = orNull(lookAtInterfaces);
  return {
    platform,
    interfaces,
    sysctls: lookAtSysctls(interfaces ?? []),
    conntrack: orNull(lookAtConntrack),
    ...(await lookAtRules(signal)),
    kubeProxy: await lookWith(
      () => new KubeProxyRules(),
      async (rules) => (await rules.find(signal)).found,
      signal,
    ),
    forwardDrops: await lookWith(
      () => new ForwardChains(),
      async (chains) => (await chains.settle(new Set(FAMILIES), false, signal)).drops,
      signal,
    ),
  };
}

async function lookAtPlatform(
  datapath: Datapath | Error,
  remedyOf: (error: unknown) => string,
  signal: AbortSignal,
): Promise<PlatformFacts> {
  const failed = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    return { kernel: '', failure: { message, remedy: remedyOf(error) } };
  };
  if (datapath instanceof Error) return failed(datapath);
  try {
    return { ...(await datapath.probe(signal)), failure: null };
  } catch (error) {
    signal.throwIfAborted();
    return failed(error);
  }
}

async function lookAtRules(
  signal: AbortSignal,
): Promise<Pick<SeenFacts, 'foreignSourceNat' | 'untracked' | 'unseenRules'>> {
  const look = async (rules: ForeignRules) => {
    const { rules: found, unseen } = await foreignSourceNat(rules, signal);
    return {
      foreignSourceNat: found,
      untracked: await untrackedRules(rules, signal),
      unseenRules: unseen,
    };
  };
  const nothing = { foreignSourceNat: null, untracked: null, unseenRules: [] };
  return (await lookWith(() => new ForeignRules(), look, signal)) ?? nothing;
}

/** Null if opening or looking fails. */
async function lookWith<Part extends { close(): void }, Found>(
  open: () => Part,
  look: (part: Part) => Promise<Found>,
  signal: AbortSignal,
): Promise<Found | null> {
  const part = orNull(open);
  if (part === null) return null;
  try {
    return await look(part);
  } catch {
    signal.throwIfAborted();
    return null;
  } finally {
    part.close();
  }
}

function lookAtInterfaces(): InterfaceFacts[] {
  const connection = new RouteConnection();
  try {
    const links = connection.links();
    const addresses = connection.addresses().filter(({ scope }) => scope === 'global');
    const nameOf = new Map(links.map(({ index, name }) => [index, name]));
    const bridges = new Set(links.filter(({ kind }) => kind === 'bridge').map(({ index }) => index));
    const ways = Object.values(waysOut(connection));
    return links.map((link) => {
      const { index, name, up, master } = link;
      const networks = addresses
        .filter(({ interfaceIndex }) => interfaceIndex === index)
        .map(({ address, prefixLength }) => maskedPrefix(address, prefixLength));
      const bridge = master !== null && bridges.has(master) ? (nameOf.get(master) ?? null) : null;
      const isUplink =
        ways.some(({ interfaces }) => interfaces.has(index)) || (bridge === null && isOuterKind(link));
      return { name, up, isUplink, bridge, networks };
    });
  } finally {
    connection.close();
  }
}

const SYSCTLS = [
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
  'net.ipv4.conf.all.rp_filter',
  'net.bridge.bridge-nf-call-iptables',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
] as const;

function lookAtSysctls(interfaces: readonly InterfaceFacts[]): Sysctls {
  const names = [
    ...SYSCTLS,
    ...interfaces.flatMap(({ name }) => [
      `net.ipv4.conf.${name}.rp_filter`,
      `net.ipv4.conf.${name}.forwarding`,
      `net.ipv6.conf.${name}.forwarding`,
    ]),
  ];
  const found = new Map<string, string>();
  for (const name of names) {
    const value = readSysctl(name);
    if (value !== null) found.set(name, value);
  }
  return found;
}

/** Dots in an interface name (`eth0.7`) stay dots in the path. */
function readSysctl(name: string): string | null {
  const [, group, own, leaf] = /^(net\.ipv[46]\.conf)\.(.+)\.(rp_filter|forwarding)$/.exec(name) ?? [];
  const path =
    group === undefined ? name.replaceAll('.', '/') : `${group.replaceAll('.', '/')}/${own}/${leaf}`;
  return read(`/proc/sys/${path}`);
}

function lookAtConntrack(): ConntrackFacts | null {
  const count = read('/proc/sys/net/netfilter/nf_conntrack_count');
  const max = read('/proc/sys/net/netfilter/nf_conntrack_max');
  if (count === null || max === null) return null;
  const { insert_failed = 0, drop = 0 } = conntrackCounters(read('/proc/self/net/stat/nf_conntrack') ?? '');
  return { count: Number(count), max: Number(max), insertFailed: insert_failed, dropped: drop };
}

/** Input: a line of names, then a line of hexadecimal numbers for each processor. Returns the sums. */
export function conntrackCounters(text: string): Record<string, number> {
  const [names = '', ...processors] = text.trim().split('\n');
  const sums: Record<string, number> = {};
  for (const line of processors) {
    const values = line.trim().split(/\s+/);
    for (const [index, name] of names.trim().split(/\s+/).entries()) {
      sums[name] = (sums[name] ?? 0) + Number.parseInt(values[index] ?? '0', 16);
    }
  }
  return sums;
}

function read(path: string): string | null {
  return orNull(() => readFileSync(path, 'utf8').trim());
}

function orNull<Value>(look: () => Value): Value | null {
  try {
    return look();
  } catch {
    return null;
  }
}
