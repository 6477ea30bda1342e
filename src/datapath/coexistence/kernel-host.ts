import { readFileSync } from 'node:fs';
import { addressBytes, type IpAddress, isIpv6 } from '../../net/address.ts';
import { prefixContains } from '../../net/prefix.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { AddressType, Host, Routing } from '../../netfilter/host.ts';
import type { Interface, PassingPacket } from '../../netfilter/packet.ts';
import type { Truth } from '../../netfilter/truth.ts';
import type { InterfaceAddress } from '../../wire/route/address.ts';
import { RouteConnection } from '../../wire/route/connection.ts';
import type { Route } from '../../wire/route/route.ts';
import type { RouteQuestion } from '../../wire/route/route-question.ts';
import { PolicyRouting } from './policy-routing.ts';

/** Sets of the program ipset. */
export interface IpSets {
  /** Null: it cannot be read. */
  nameOf(index: number): string | null;
  /** @param directions of each dimension, true for the source */
  has(name: string, directions: readonly boolean[], packet: PassingPacket): Truth;
}

/** RTN_… whose packets are not for another host. */
const ADDRESS_TYPES: ReadonlySet<string> = new Set(['local', 'broadcast', 'anycast', 'multicast']);

/**
 * Answers questions of rules and routing by the kernel of this network namespace: links and addresses as they were when it was
 * opened, routes at each question.
 */
export class KernelHost implements Host {
  readonly sets: IpSets;
  readonly #routes = new RouteConnection();
  readonly #byIndex = new Map<number, Interface>();
  readonly #byName = new Map<string, Interface>();
  readonly #addresses: readonly InterfaceAddress[];
  #policy: PolicyRouting | null = null;

  constructor(sets: IpSets = NO_SETS) {
    this.sets = sets;
    for (const { index, name } of this.#routes.links()) {
      const one = { index, name };
      this.#byIndex.set(index, one);
      this.#byName.set(name, one);
    }
    this.#addresses = this.#routes.addresses();
  }

  close(): void {
    this.#routes.close();
  }

  /** An interface of this host has the address. */
  hasAddress(address: IpAddress): boolean {
    return this.#addresses.some((own) => own.address === address);
  }

  interfaceNamed(name: string): Interface | undefined {
    return this.#byName.get(name);
  }

  interfaceAt(index: number): Interface | undefined {
    return this.#byIndex.get(index);
  }

  /** By which interface packets of this sender come in if they come as replies to it leave; undefined: not known. */
  interfaceTo(address: IpAddress): Interface | undefined {
    const found = this.#routes.decide({ destination: address });
    if (typeof found === 'string' || found.type !== 'unicast') return undefined;
    return this.#outputOf(found);
  }

  /** Bridges hand the packets between their ports to iptables (br_netfilter), with their ports. */
  get bridgesCallIptables(): boolean {
    return sysctl('net/bridge/bridge-nf-call-iptables') === '1';
  }

  route(packet: PassingPacket): Routing {
    const { isLocal, input, mark } = packet;
    if (mark.known !== 0xffff_ffff) return { kind: 'unknown', because: 'the mark of the packet' };
    if (!isLocal && input === undefined)
      return { kind: 'unknown', because: 'the interface by which it comes in' };
    const open = this.#policyRouting().openFor(packet);
    if (open !== null) return { kind: 'unknown', because: open };
    const question = this.#question(packet);
    const found = this.#routes.decide(question);
    if (this.#asksForTos(question, found))
      return { kind: 'unknown', because: 'the TOS of the packet, by which routing decides' };
    if (typeof found === 'string') return this.#refusal(found, packet);
    switch (found.type) {
      case 'local':
        return { kind: 'local' };
      case 'unicast': {
        if (!isLocal && isIpv6(packet.destination) && !isForwardingIpv6(input))
          return { kind: 'drop', because: 'forwarding is off: net.ipv6.conf.all.forwarding is 0' };
        const several = this.#several(question, packet);
        if (several !== null) return { kind: 'several', outputs: several };
        const output = this.#outputOf(found);
        if (output === undefined) return { kind: 'unknown', because: 'the interface of the route' };
        return { kind: 'out', output, gateway: found.nexthops[0]?.gateway ?? null };
      }
      case 'broadcast':
      case 'multicast':
      case 'anycast':
        return { kind: 'unknown', because: `a packet to a ${found.type} address` };
      case 'blackhole':
        return { kind: 'drop', because: 'a blackhole route' };
      default:
        return { kind: 'reject', because: `a route of type ${found.type}` };
    }
  }

  /** As nf_nat_masquerade.c: IPv4 takes the first address of the interface in the gateway's network, IPv6 asks RFC 6724. */
  masqueradeAddress(packet: PassingPacket): IpAddress | null {
    const { output, destination } = packet;
    if (output === undefined || output === null) return null;
    const way = this.#routes.decide({ destination, output: output.index });
    if (isIpv6(destination)) {
      if (this.hasAddress(destination)) return destination; // rule 1: the same address
      const route = this.#routes.decide({ destination, output: output.index, isForRoute: true });
      // A preferred source of the route is for the host's own packets only, and hides the kernel's choice.
      return typeof way === 'string' || typeof route === 'string' || route.source !== null
        ? null
        : way.source;
    }
    const routed = this.#routes.decide(this.#question(packet));
    const via = typeof routed === 'string' ? way : routed;
    const gateway = (typeof via === 'string' ? null : via.nexthops[0]?.gateway) ?? destination;
    const nexthop = isIpv6(gateway) ? destination : gateway;
    const own = this.#addresses.filter(
      ({ family, scope, flags }) => family === 'IPv4' && scope === 'global' && !flags.has('secondary'),
    );
    const there = own.filter(({ interfaceIndex }) => interfaceIndex === output.index);
    const beside = there.find(({ address, peer, prefixLength }) =>
      prefixContains({ family: 'IPv4', address: peer ?? address, length: prefixLength }, nexthop),
    );
    // An interface without an address borrows the first one of the host (inet_select_addr of devinet.c).
    return (beside ?? there[0] ?? own[0])?.address ?? null;
  }

  redirectAddress({ isLocal, input, family, destination }: PassingPacket): IpAddress | null {
    if (isLocal) return (family === 'IPv4' ? '127.0.0.1' : '::1') as IpAddress;
    if (input === undefined || input === null) return null;
    const there = this.#addresses.filter(
      (one) => one.interfaceIndex === input.index && one.family === family,
    );
    if (family === 'IPv4') return there[0]?.address ?? null;
    // nf_nat_redirect_ipv6: the first usable one, and the kernel lists the widest scope first.
    const link = there.find(({ scope, flags }) => scope === 'link' && !flags.has('tentative'));
    const wide = isLinkLocalV6(destination) ? undefined : there.find(({ scope }) => scope === 'global');
    return (wide ?? link)?.address ?? null;
  }

  /** The type of an address by the local routes; null: not known. @param on only addresses of this interface are local */
  localType(address: IpAddress, on?: Interface | null): AddressType | null {
    const found = this.#routes.decide({ destination: address });
    const type = typeof found !== 'string' && ADDRESS_TYPES.has(found.type) ? found.type : 'unicast';
    if (on === undefined || on === null || type === 'unicast' || type === 'multicast')
      return type as AddressType;
    if (type !== 'local') return null;
    const isThere = this.#addresses.some((own) => own.interfaceIndex === on.index && own.address === address);
    return isThere ? 'local' : 'unicast';
  }

  /** Indexes of the interfaces by which the packet's sender is reached; null: policy routing decides, which is not followed. */
  reverseInterfaces({ source, mark }: PassingPacket, byMark: boolean): readonly number[] | null {
    if (source === null || this.#policyRouting().hasSelectors) return null;
    const found = this.#routes.decide({
      destination: source,
      ...(byMark ? { mark: mark.value } : {}),
      isForRoute: true,
    });
    if (typeof found === 'string' || found.type !== 'unicast') return [];
    return found.nexthops.flatMap(({ interfaceIndex }) => interfaceIndex ?? []);
  }

  #policyRouting(): PolicyRouting {
    this.#policy ??= new PolicyRouting(this.#routes.rules());
    return this.#policy;
  }

  /** Packets with another TOS take another way. */
  #asksForTos(question: RouteQuestion, found: Route | string): boolean {
    const wayOf = (route: Route | string) =>
      typeof route === 'string'
        ? route
        : JSON.stringify([
            route.type,
            route.nexthops.map(({ interfaceIndex, gateway }) => [interfaceIndex, gateway]),
          ]);
    const own = wayOf(found);
    return this.#policyRouting().tos.some((tos) => wayOf(this.#routes.decide({ ...question, tos })) !== own);
  }

  #question({
    isLocal,
    source,
    destination,
    input,
    mark,
    protocol,
    sourcePort,
    port,
  }: PassingPacket): RouteQuestion {
    // The kernel takes ports of TCP and UDP only (rtm_getroute_parse_ip_proto).
    const ports =
      protocol === 'SCTP'
        ? {}
        : {
            protocol: protocolNumber[protocol],
            ...(sourcePort === null ? {} : { sourcePort }),
            ...(port === null ? {} : { port }),
          };
    return {
      destination,
      ...(source === null ? {} : { source }),
      ...(isLocal || input === undefined || input === null ? {} : { input: input.index }),
      mark: mark.value,
      ...ports,
    };
  }

  #outputOf({ nexthops }: Route): Interface | undefined {
    const index = nexthops[0]?.interfaceIndex;
    return index === undefined || index === null ? undefined : this.#byIndex.get(index);
  }

  /**
   * By addresses alone the kernel's answer is the packet's way; else ports, a flow label, or the packet that an ICMP error is about
   * (ip_multipath_l3_keys of route.c) choose.
   */
  #several(question: RouteQuestion, { family, icmp }: PassingPacket): readonly Interface[] | null {
    const isByAddresses = (sysctl('net/ipv4/fib_multipath_hash_policy') ?? '0') === '0';
    if (family === 'IPv4' && isByAddresses && icmp?.isError !== true) return null;
    const route = this.#routes.decide({ ...question, isForRoute: true });
    if (typeof route === 'string') return null;
    const indexes = new Set(route.nexthops.map(({ interfaceIndex }) => interfaceIndex));
    if (indexes.size < 2) return null;
    return [...indexes].flatMap((index) => this.#byIndex.get(index ?? -1) ?? []);
  }

  #refusal(errno: string, { isLocal, input, source }: PassingPacket): Routing {
    switch (errno) {
      case 'EXDEV':
        return {
          kind: 'drop',
          because: `rp_filter of ${input?.name}: the way back to ${source} is another interface`,
        };
      case 'EINVAL':
        return {
          kind: 'drop',
          because: `a blackhole route, or ${source} is no possible source here (martian)`,
        };
      case 'EACCES':
        return { kind: 'reject', because: 'a route of type prohibit' };
      case 'EHOSTUNREACH':
        if (!isLocal && sysctl(`net/ipv4/conf/${input?.name}/forwarding`) === '0')
          return { kind: 'drop', because: `forwarding is off: net.ipv4.conf.${input?.name}.forwarding is 0` };
        return { kind: 'reject', because: 'no route to the destination' };
      default:
        return { kind: 'reject', because: 'no route to the destination' };
    }
  }
}

function isForwardingIpv6(input: Interface | null | undefined): boolean {
  return (
    sysctl('net/ipv6/conf/all/forwarding') !== '0' ||
    sysctl(`net/ipv6/conf/${input?.name}/force_forwarding`) === '1'
  );
}

function isLinkLocalV6(address: IpAddress): boolean {
  if (!isIpv6(address)) return false;
  const [first = 0, second = 0] = addressBytes(address);
  return first === 0xfe && (second & 0xc0) === 0x80;
}

/** Null: there is no such parameter. Dots in names of interfaces stay. */
function sysctl(path: string): string | null {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
  } catch {
    return null;
  }
}

const NO_SETS: IpSets = { nameOf: () => null, has: () => 'an ipset that cannot be read' };
