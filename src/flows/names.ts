import type { FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';

export interface NamedObjects {
  readonly pods: ReadonlyMap<string, FactTypes['Pod']>;
  readonly nodes: ReadonlyMap<string, FactTypes['Node']>;
  readonly node: Pick<NodeFacts, 'nodeName' | 'localAddresses'>;
}

/** Which pod or node has which address: `Pod shop/web-0`, `Node worker-1`. */
export class Names {
  readonly #names = new Map<IpAddress, string>();

  constructor({ pods, nodes, node }: NamedObjects) {
    for (const { name, addresses } of nodes.values()) {
      for (const { address } of addresses) this.#names.set(address, `Node ${name}`);
    }
    for (const { address } of node.localAddresses) this.#names.set(address, `Node ${node.nodeName}`);
    for (const pod of pods.values()) {
      // A pod in the host network has its node's address; a finished pod's may be reused.
      if (pod.hostNetwork || pod.finished) continue;
      for (const address of pod.ips) this.#names.set(address, `Pod ${objectKey(pod.namespace, pod.name)}`);
    }
  }

  /** Null for an address of no known pod or node. */
  of(address: IpAddress): string | null {
    return this.#names.get(address) ?? null;
  }
}
