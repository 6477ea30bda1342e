import type { EgressRuleFact } from './egress-rule.ts';
import type { EndpointSliceFact } from './endpoint-slice.ts';
import type { FelixConfigurationFact } from './felix-configuration.ts';
import type { IpMasqAgentFact } from './ip-masq-agent.ts';
import type { NamespaceFact } from './namespace.ts';
import type { NodeFact } from './node.ts';
import type { PodFact } from './pod.ts';
import type { PoolFact } from './pool.ts';
import type { ServiceFact } from './service.ts';
import type { ServiceCidrFact } from './service-cidr.ts';

/** The kinds of facts and their types. */
export interface FactTypes {
  Service: ServiceFact;
  EndpointSlice: EndpointSliceFact;
  Pod: PodFact;
  Node: NodeFact;
  ServiceCIDR: ServiceCidrFact;
  IPPool: PoolFact;
  FelixConfiguration: FelixConfigurationFact;
  Namespace: NamespaceFact;
  EgressRule: EgressRuleFact;
  /** From a file of the node, not from an object. */
  IpMasqAgent: IpMasqAgentFact;
}

export type FactKind = keyof FactTypes;

/** Each kind once: a kind that is missing here does not compile. */
const EVERY_KIND: Readonly<Record<FactKind, true>> = {
  Service: true,
  EndpointSlice: true,
  Pod: true,
  Node: true,
  ServiceCIDR: true,
  IPPool: true,
  FelixConfiguration: true,
  Namespace: true,
  EgressRule: true,
  IpMasqAgent: true,
};

export const FACT_KINDS = Object.keys(EVERY_KIND) as readonly FactKind[];

/** Kinds of facts that are objects of the API. */
export type ObjectKind = Exclude<FactKind, 'IpMasqAgent'>;

/**
 * The current value of one object, so that the order of changes and repeated changes do not matter. `key` is
 * `objectKey(namespace, name)`; `fact` is null if the object does not exist.
 */
export type FactChange = {
  [Kind in FactKind]: {
    readonly kind: Kind;
    readonly key: string;
    readonly fact: FactTypes[Kind] | null;
    /** Who wrote the object last, for the journal alone; absent: not known. */
    readonly by?: Writer;
  };
}[FactKind];

/** The newest entry of `metadata.managedFields`. */
export interface Writer {
  readonly manager: string;
  /** RFC 3339; null: not known. */
  readonly at: string | null;
}
