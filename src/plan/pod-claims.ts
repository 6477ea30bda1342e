import { grouped } from '../base/collect.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NoticeCode } from '../model/finding-codes.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import { type ObjectRef, refOf } from '../model/object.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { firstFew } from '../model/text.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { portsWithout } from '../net/port.ts';
import { formatPrefix, type Prefix, prefixSet } from '../net/prefix.ts';
import type { AddressSet } from '../net/ranges.ts';
import type { PodBinding, PodReservation, PodSource, Tuple } from './entry.ts';
import { podSourceKey, spanKey } from './entry-key.ts';
import type { Fragment } from './fragment.ts';
import { formatListener, heldByOthers, listenersIn } from './host-listeners.ts';
import type { PlanOptions } from './options.ts';
import { publicAddress, unusableOwnAddress } from './own-address.ts';
import { addressRefusal, TAKEOVER, TAKEOVER_REFUSED } from './pod-nat-policy.ts';
import { spanOf, stretchOf } from './port-claims.ts';

/** Collects the plan entries of one Pod's annotation: bindings or reservations, sources, and notices. */
export class PodClaims {
  readonly #ports = new Map<string, PodBinding | PodReservation>();
  readonly #sources = new Map<string, PodSource>();
  readonly #notices: Notice[] = [];
  readonly #sourceRangesOf = rangesByList();
  readonly #pod: PodFact;
  readonly #owner: ObjectRef;
  readonly #node: NodeFacts;
  readonly #options: PlanOptions;
  readonly #listeners: readonly HostListener[];
  readonly #serves: boolean;

  constructor(pod: PodFact, node: NodeFacts, options: PlanOptions) {
    this.#pod = pod;
    this.#owner = refOf('Pod', pod);
    this.#node = node;
    this.#options = options;
    this.#listeners = heldByOthers(node.listeners, pod);
    this.#serves = pod.ready || !options.requireReady;
  }

  note(code: NoticeCode, message: string): void {
    this.#notices.push(findingOf(code, this.#owner, message));
  }

  /** @param index the entry's place in the annotation */
  add(entry: PodNatEntry, index: number): void {
    const { ips } = this.#pod;
    for (const podAddress of ips) {
      const bound = this.#boundAddress(entry, index, familyOf(podAddress));
      if (bound === null) continue;
      this.#addPorts(entry, index, podAddress, bound);
      if (entry.egress) this.#addSource(entry, podAddress, bound);
    }
    const wanted = entry.interfaceAuto ? null : entry.sourceIP;
    if (wanted === null || ips.length === 0) return;
    const family = familyOf(wanted);
    if (ips.some((address) => familyOf(address) === family)) return;
    this.note('NatInvalid', `entry ${index}: the pod has no ${family} address for srcIP ${wanted}`);
  }

  finish(): Fragment {
    return { entries: [...this.#ports.values(), ...this.#sources.values()], notices: this.#notices };
  }

  /** Null if the node has no address of the family; a notice if that is a fault. */
  #boundAddress(entry: PodNatEntry, index: number, family: Family): IpAddress | null {
    if (entry.interfaceAuto) {
      const found = publicAddress(family, this.#node, this.#options);
      if (found === null) this.note('NatNoPublicAddress', noPublicAddress(index, family));
      return found === null ? null : this.#ifUsable(found, index);
    }
    const { sourceIP } = entry;
    return sourceIP !== null && familyOf(sourceIP) === family ? this.#ifUsable(sourceIP, index) : null;
  }

  #ifUsable(bound: IpAddress, index: number): IpAddress | null {
    const unusable = unusableOwnAddress(bound, this.#node);
    if (unusable !== null) {
      this.note('NatAddressNotLocal', `entry ${index}: srcIP ${bound} ${unusable}`);
      return null;
    }
    const refused = addressRefusal(this.#options.podNatPolicy, bound);
    if (refused !== null) this.note('NatRestricted', `entry ${index}: ${refused}`);
    return refused === null ? bound : null;
  }

  #addPorts(entry: PodNatEntry, index: number, podAddress: IpAddress, bound: IpAddress): void {
    const { protocol, egress, portCount, takeover } = entry;
    const family = familyOf(podAddress);
    const serves = this.#serves;
    const tuple: Tuple = { address: bound, protocol, port: entry.sourcePort };
    const mayTake = takeover && this.#options.podNatPolicy.takeover;
    const taken = mayTake ? [] : listenersIn(this.#listeners, tuple, portCount);
    if (serves) {
      for (const message of hostPortsInUse(index, bound, taken, takeover)) {
        this.note('NatHostPortInUse', message);
      }
    }
    if (!serves && !egress) return;
    const { createdAt, uid } = this.#pod;
    const endpoint = { address: podAddress, port: entry.destinationPort };
    const key = spanKey(tuple, portCount);
    const ports = { key, tuple, portCount, endpoint, owner: this.#owner, createdAt, uid, order: index };
    const whole: PodBinding | PodReservation = serves
      ? { kind: 'PodBinding', ...ports, sourceRanges: this.#sourceRangesOf(family, entry.allow), egress }
      : { kind: 'PodReservation', ...ports };
    const inUse = taken.map((listener) => ({ first: listener.port, last: listener.port }));
    for (const { first, last } of portsWithout([spanOf(whole)], inUse)) {
      const claim = stretchOf(whole, first, last);
      if (!this.#ports.has(claim.key)) this.#ports.set(claim.key, claim);
    }
  }

  #addSource({ protocol }: PodNatEntry, address: IpAddress, snat: IpAddress): void {
    const key = podSourceKey(address, protocol);
    if (this.#sources.has(key)) return;
    const { createdAt, uid } = this.#pod;
    const owner = this.#owner;
    this.#sources.set(key, { kind: 'PodSource', key, address, protocol, owner, createdAt, uid, snat });
  }
}

function noPublicAddress(index: number, family: Family): string {
  return (
    `entry ${index}: this node has no public ${family} address; name one of its addresses ` +
    'with "ifaceAuto": false and "srcIP", or take its network out of the filter (exclfilternet)'
  );
}

function rangesByList(): (family: Family, allow: readonly Prefix[] | null) => AddressSet | null {
  const known = new Map<string, AddressSet>();
  return (family, allow) => {
    if (allow === null) return null;
    const name = `${family} ${allow.map(formatPrefix).join()}`;
    const set = known.get(name) ?? prefixSet(family, allow);
    known.set(name, set);
    return set;
  };
}

/** Further ports are only counted. */
const PORTS_SHOWN = 5;

function hostPortsInUse(
  index: number,
  bound: IpAddress,
  taken: readonly HostListener[],
  isTakeover: boolean,
): string[] {
  return [...grouped(taken, ({ held }) => held?.by ?? null)].map(([by, ports]) => {
    const shown = `${firstFew(ports.map(formatListener), PORTS_SHOWN)} (${ports[0]?.protocol})`;
    const [who, end] =
      by === null
        ? [`this host itself listens on ${shown}`, 'end that program']
        : [`${by} has ${shown}`, 'take that away'];
    return (
      `entry ${index}: ${who}, so ${bound} is not bound there: ` +
      `${end}, or choose another srcPort; ${isTakeover ? TAKEOVER_REFUSED : TAKEOVER}`
    );
  });
}
