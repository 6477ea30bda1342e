import { addTo } from '../base/collect.ts';
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { ServiceFact } from '../model/service.ts';
import type { IpAddress } from '../net/address.ts';
import { addressesOf, hasPort, isListed, type SlicePort, type SlicesOf } from './listed-endpoints.ts';
import type { PlanOptions } from './options.ts';
import { podFragment } from './pod.ts';
import { serviceFragment } from './service.ts';

/** Addresses of endpoints that are gone, each with the keys of the frontends or bindings that led to it. */
export type GoneEndpoints = Map<IpAddress, string[]>;

/** The surroundings in which keys are computed. */
export interface KeyFacts {
  readonly node: NodeFacts;
  readonly options: PlanOptions;
}

/**
 * Adds the endpoints that the slice listed and no slice of the Service lists any more.
 * @param service the owner of the frontends: the present Service, or what was deleted
 */
export function addLeft(
  gone: GoneEndpoints,
  slice: EndpointSliceFact,
  service: ServiceFact,
  slices: SlicesOf,
  facts: KeyFacts,
): void {
  const key = objectKey(service.namespace, service.name);
  for (const port of slice.ports) {
    const left = [...addressesOf(slice)].filter((address) => !isListed(slices, key, port, address));
    if (left.length > 0) addAll(gone, left, frontendKeys(service, port, facts));
  }
}

/** Adds all endpoints of a deleted Service: its slices at that time do not count any more. */
export function addDeleted(
  gone: GoneEndpoints,
  service: ServiceFact,
  slices: readonly EndpointSliceFact[],
  facts: KeyFacts,
): void {
  for (const port of service.ports) {
    const keys = frontendKeys(service, port, facts);
    for (const slice of slices) if (hasPort(slice, port)) addAll(gone, addressesOf(slice), keys);
  }
}

/** Adds the addresses that the Pod had bindings at, and does not have any more. */
export function addPod(
  gone: GoneEndpoints,
  before: PodFact,
  now: PodFact | undefined,
  { node, options }: KeyFacts,
): void {
  const left = before.ips.filter(
    (address) => now === undefined || now.finished || !now.ips.includes(address),
  );
  if (left.length === 0) return;
  const { entries } = podFragment({ ...before, terminating: false, finished: false }, node, options);
  for (const entry of entries) {
    if (entry.kind !== 'PodBinding' && entry.kind !== 'PodReservation') continue;
    if (left.includes(entry.endpoint.address)) addTo(gone, entry.endpoint.address, entry.key);
  }
}

function addAll(gone: GoneEndpoints, addresses: Iterable<IpAddress>, keys: readonly string[]): void {
  for (const address of addresses) for (const key of keys) addTo(gone, address, key);
}

function frontendKeys(service: ServiceFact, { name, protocol }: SlicePort, facts: KeyFacts): string[] {
  const { entries } = serviceFragment(service, [], facts.node, facts.options);
  return entries.flatMap((entry) =>
    entry.kind === 'ServiceFrontend' && entry.portName === name && entry.tuple.protocol === protocol
      ? [entry.key]
      : [],
  );
}
