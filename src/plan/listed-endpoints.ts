import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { objectKey } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { ServiceFrontend } from './entry.ts';

/** Slices of a Service by its key. */
export interface SlicesOf {
  slicesOf(service: string): readonly EndpointSliceFact[];
}

/** A port of a Service, as slices name it. */
export type SlicePort = Pick<EndpointSliceFact['ports'][number], 'name' | 'protocol'>;

/**
 * True if a slice of the Service lists the address at this port, in whatever condition: an endpoint that drains, or is not
 * ready, is listed. The number of the port does not matter: a pod whose target port changed is still there.
 */
export function isListed(slices: SlicesOf, service: string, port: SlicePort, address: IpAddress): boolean {
  return slices.slicesOf(service).some((slice) => hasPort(slice, port) && addressesOf(slice).has(address));
}

/** As `isListed`, for the Service that has the frontend. */
export function isListedAt(
  slices: SlicesOf,
  frontend: Pick<ServiceFrontend, 'owner' | 'portName' | 'tuple'>,
  address: IpAddress,
): boolean {
  const { portName: name, tuple } = frontend;
  return isListed(slices, serviceOf(frontend), { name, protocol: tuple.protocol }, address);
}

/** The key of the Service that has the frontend. */
export function serviceOf({ owner }: Pick<ServiceFrontend, 'owner'>): string {
  return objectKey(owner.namespace, owner.name);
}

/**
 * False: nobody has said yet which endpoints of this family the Service has. Kubernetes gives a Service without endpoints an
 * empty slice.
 */
export function hasSlice(slices: SlicesOf, service: string, family: Family): boolean {
  return slices.slicesOf(service).some((slice) => slice.family === family);
}

export function hasPort({ ports }: EndpointSliceFact, { name, protocol }: SlicePort): boolean {
  return ports.some((port) => port.name === name && port.protocol === protocol);
}

/** Slices never change; a changed slice is another fact. */
const known = new WeakMap<EndpointSliceFact, ReadonlySet<IpAddress>>();

/** The addresses that the slice lists, each once. */
export function addressesOf(slice: EndpointSliceFact): ReadonlySet<IpAddress> {
  let addresses = known.get(slice);
  if (addresses === undefined) {
    addresses = new Set(slice.endpoints.map(({ address }) => address));
    known.set(slice, addresses);
  }
  return addresses;
}
