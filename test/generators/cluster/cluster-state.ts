import fc from 'fast-check';
import type { EndpointSlice, Flow, NodeConfig, Service } from '../../conformance/oracle/manifests.ts';
import { node } from './node.ts';
import { flowOf, packet } from './packets.ts';
import { draft, serviceOf } from './services.ts';
import { sliceDraft, sliceOf } from './slices.ts';

/** A cluster as its users and controllers write it, a node of it, and packets that the node sees. */
export interface ClusterState {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly node: NodeConfig;
  /** How the state is written as manifests. */
  readonly writing: {
    /** The node's facts are in a Node object, not in the node configuration. */
    readonly nodeObject: boolean;
    readonly layout: 'documents' | 'List' | 'JSON' | 'files';
    readonly slicesFirst: boolean;
  };
  readonly flows: readonly Flow[];
}

export const clusterState: fc.Arbitrary<ClusterState> = fc
  .record({
    drafts: fc.array(draft, { minLength: 1, maxLength: 3 }),
    slices: fc.array(sliceDraft, { maxLength: 8, size: 'max' }),
    node,
    writing: fc.record({
      nodeObject: fc.boolean(),
      layout: fc.constantFrom('documents', 'List', 'JSON', 'files'),
      slicesFirst: fc.boolean(),
    }),
    packets: fc.array(packet, { minLength: 1, maxLength: 40, size: 'max' }),
  })
  .map(({ drafts, slices, packets, ...rest }) => {
    const services = drafts.map(serviceOf);
    return {
      services,
      slices: slices.map((one, number) => sliceOf(one, services, number)),
      flows: packets.map((one) => flowOf(one, services)),
      ...rest,
    };
  });
