import type { IpAddress } from '../net/address.ts';

/**
 * The address of a pod among several: always the same, whatever the order, for as long as the address is there
 * (rendezvous hashing: an address more takes over its share of the pods, and nobody else moves). `name` is the pod's
 * namespace and name, so that a pod of a StatefulSet keeps its address over restarts. Throws RangeError without one.
 */
export function stableChoice(addresses: readonly IpAddress[], name: string): IpAddress {
  let best: { address: IpAddress; weight: number } | null = null;
  for (const address of addresses) {
    const weight = hashOf(`${name} ${address}`);
    if (best === null || weight > best.weight || (weight === best.weight && address < best.address)) {
      best = { address, weight };
    }
  }
  if (best === null) throw new RangeError('no address to choose from');
  return best.address;
}

/** FNV-1a with the finalizer of MurmurHash3, which spreads the last characters over all bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
