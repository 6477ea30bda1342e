import type { PortUsage } from '../forms/flows.ts';
import { type IpAddress, parseAddress } from '../net/address.ts';
import { type Protocol, protocolFromNumber } from '../net/protocol.ts';
import type { TrackedFlow } from '../wire/conntrack/entry.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import { sourceNow } from './judge.ts';
import { TopCounter } from './top-counter.ts';

/** Source ports that the kernel gives to flows that began from a port above 1023: 1024 to 65535. */
export const ALL_PORTS = 64_512;

/** The share from which on a warning is given. */
export const WARN_AT = 0.7;
/** A warning ends below this share, so that it does not flap. */
export const WELL_BELOW = 0.65;
/** The share from which on new flows begin to fail. */
const FULL_AT = 0.9;
/** The share from which on the sources behind a tuple are counted. */
const LOOK_INTO = 0.5;

/** Tuples counted at once: some megabytes. */
const PLACES = 16_384;
/** Sources that are counted separately within a tuple. */
const SOURCES = 1024;
const SOURCES_SHOWN = 5;

/** The fullest tuple of each address and protocol, which bounds the labels of a metric. */
export function fullestOfEach(tuples: readonly PortUsage[]): PortUsage[] {
  const fullest = new Map<string, PortUsage>();
  for (const tuple of tuples) {
    const key = `${tuple.protocol} ${tuple.address}`;
    const known = fullest.get(key);
    if (known === undefined || tuple.share > known.share) fullest.set(key, tuple);
  }
  return [...fullest.values()];
}

/** How many ports an address has for a protocol. */
export type PortCapacity = (protocol: Protocol, address: IpAddress) => number;

interface FoundTuple {
  readonly key: string;
  readonly usage: Omit<PortUsage, 'sources'>;
}

/**
 * First look: counts the used ports of each address towards each destination. A mapping is unique by protocol, both
 * addresses and both ports, so each destination has all ports for itself.
 */
export class PortCounter {
  readonly #tuples = new TopCounter<string>(PLACES);
  readonly #addresses: Set<IpAddress>;

  /** @param addresses known source addresses; this look adds to them. The node's own connections take ports too */
  constructor(addresses: Set<IpAddress>) {
    this.#addresses = addresses;
  }

  add(flow: TrackedFlow): void {
    const isRewritten = (flow.status & conntrackStatus.IPS_SRC_NAT) !== 0;
    if (!isRewritten && this.#addresses.size === 0) return;
    if (protocolFromNumber(flow.protocol) === null) return;
    if (sourceNow(flow) !== null) this.#addresses.add(flow.reply.dst);
    else if (!this.#addresses.has(flow.reply.dst)) return;
    this.#tuples.add(tupleOf(flow));
  }

  get uncertainty(): number {
    return this.#tuples.uncertainty;
  }

  /** The fullest tuples, the fullest first. */
  fullest(count: number, capacityOf: PortCapacity): FoundTuple[] {
    return this.#tuples
      .top(PLACES)
      .map(({ key, count: used }) => ({ key, usage: usageOf(key, used, capacityOf) }))
      .sort((a, b) => b.usage.share - a.usage.share)
      .slice(0, count);
  }
}

/** Second look, only where tuples are half full: counts the sources behind them. */
export class SourceCounter {
  readonly #sources: ReadonlyMap<string, TopCounter<IpAddress>>;

  constructor(tuples: readonly FoundTuple[]) {
    const full = tuples.filter(({ usage }) => usage.share >= LOOK_INTO);
    this.#sources = new Map(full.map(({ key }) => [key, new TopCounter<IpAddress>(SOURCES)]));
  }

  /** No tuple is half full: a second look is not needed. */
  get isIdle(): boolean {
    return this.#sources.size === 0;
  }

  add(flow: TrackedFlow): void {
    if (protocolFromNumber(flow.protocol) !== null) this.#sources.get(tupleOf(flow))?.add(flow.original.src);
  }

  /** The usage with the names of its sources; an address without a name stands for itself. */
  complete({ key, usage }: FoundTuple, nameOf: (address: IpAddress) => string | null): PortUsage {
    const top = this.#sources.get(key)?.top(SOURCES_SHOWN) ?? [];
    return {
      ...usage,
      sources: top.map(({ key: address, count }) => ({ name: nameOf(address) ?? address, flows: count })),
    };
  }
}

function tupleOf({ protocol, reply }: TrackedFlow): string {
  return `${protocol} ${reply.dst} ${reply.src} ${reply.sport}`;
}

function usageOf(key: string, used: number, capacityOf: PortCapacity): FoundTuple['usage'] {
  const [number = '', address = '', destination = '', port = ''] = key.split(' ');
  const protocol = protocolFromNumber(Number(number));
  const [from, to] = [parseAddress(address), parseAddress(destination)];
  if (protocol === null || from === null || to === null) throw new TypeError(`${key} is no tuple`);
  const capacity = capacityOf(protocol, from);
  const share = capacity === 0 ? 1 : used / capacity;
  const level = share >= FULL_AT ? 'bad' : share >= WARN_AT ? 'warning' : 'good';
  return {
    ...{ protocol, address: from, destination: to, destinationPort: Number(port) },
    ...{ used, capacity, share, level },
  };
}
