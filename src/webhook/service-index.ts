import type { ServiceFact } from '../model/service.ts';
import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';

/** Addresses and node ports. Two Services, or a Service and a Pod, meet only at one that both name. */
export interface Claimed {
  readonly addresses: Iterable<IpAddress>;
  readonly nodePorts: readonly PortSpan[];
}

export function claimedBy({
  clusterIPs,
  externalIPs,
  loadBalancerIPs,
  ports,
  healthCheckNodePort,
}: ServiceFact): Claimed {
  const numbers = [...ports.map(({ nodePort }) => nodePort), healthCheckNodePort];
  return {
    addresses: [...clusterIPs, ...externalIPs, ...loadBalancerIPs],
    nodePorts: numbers.flatMap((port) => (port === null ? [] : [{ first: port, last: port }])),
  };
}

/** Finds Services by what they claim. */
export class ServiceIndex {
  readonly #byAddress = new Map<IpAddress, Set<string>>();
  readonly #byNodePort = new Map<number, Set<string>>();

  replace(key: string, before: ServiceFact | undefined, after: ServiceFact | null): void {
    if (before !== undefined) {
      const { addresses, nodePorts } = claimedBy(before);
      for (const address of addresses) remove(this.#byAddress, address, key);
      for (const { first } of nodePorts) remove(this.#byNodePort, first, key);
    }
    if (after === null) return;
    const { addresses, nodePorts } = claimedBy(after);
    for (const address of addresses) add(this.#byAddress, address, key);
    for (const { first } of nodePorts) add(this.#byNodePort, first, key);
  }

  /** Keys of the Services that claim one of these. */
  *at({ addresses, nodePorts }: Claimed): Generator<string> {
    for (const address of addresses) yield* this.#byAddress.get(address) ?? [];
    for (const { first, last } of nodePorts) {
      if (first === last) yield* this.#byNodePort.get(first) ?? [];
      else for (const [port, keys] of this.#byNodePort) if (port >= first && port <= last) yield* keys;
    }
  }
}

function add<Value>(index: Map<Value, Set<string>>, value: Value, key: string): void {
  const keys = index.get(value);
  if (keys === undefined) index.set(value, new Set([key]));
  else keys.add(key);
}

function remove<Value>(index: Map<Value, Set<string>>, value: Value, key: string): void {
  const keys = index.get(value);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(value);
}
