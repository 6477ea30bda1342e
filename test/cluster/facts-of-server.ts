import type { FactChange, ObjectKind } from '../../src/model/facts.ts';
import { factChange, factKey, parseFact } from '../../src/sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import type { ClusterClient } from './cluster-client.ts';

/** Every kind of object that affects the NAT of a node, by its path. */
const lists = (node: string): readonly (readonly [ObjectKind, string])[] => [
  ['Node', '/api/v1/nodes'],
  ['Namespace', '/api/v1/namespaces'],
  ['Service', '/api/v1/services'],
  ['EndpointSlice', '/apis/discovery.k8s.io/v1/endpointslices'],
  ['Pod', `/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`],
  ['IPPool', '/apis/knat.dev/v1/ippools'],
  ['EgressRule', '/apis/knat.dev/v1/egressrules'],
  ['ServiceCIDR', '/apis/networking.k8s.io/v1/servicecidrs'],
];

/**
 * The server's present objects as facts: plain lists, without code of the tested source. Throws when the parsers
 * refuse an object.
 */
export async function factsOfServer(client: ClusterClient, node: string): Promise<FactChange[]> {
  const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
  const changes: FactChange[] = [];
  for (const [kind, path] of lists(node)) {
    for (const object of await client.list(path)) {
      const parsed = parseFact(kind, object, context);
      if (!parsed.ok) throw new TypeError(parsed.problems.map(({ message }) => message).join('; '));
      changes.push(factChange(kind, factKey(kind, object), parsed.fact));
    }
  }
  return changes;
}
