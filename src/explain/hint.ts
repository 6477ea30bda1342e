import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { PlanOptions } from '../plan/options.ts';

/** What a hint is about; programs may rely on these names. */
export type HintAbout =
  /** The kind of NAT that would answer is switched off. */
  | 'switched-off'
  /** The address is somebody's, but not with this port. */
  | 'other-port'
  /** Address and port are somebody's, but not with this protocol. */
  | 'other-protocol'
  /** Protocol and port are bound, but on another address. */
  | 'other-address'
  /** The address belongs to a Service that knat leaves alone, or is one of `externalIPs` that are not served. */
  | 'not-ours'
  /** It is a NodePort, but none that this address answers to. */
  | 'node-port'
  /** Another node decides. */
  | 'other-node'
  /** Why there is no endpoint. */
  | 'endpoints'
  /** Which sources are let in. */
  | 'source-ranges'
  /** The annotation of a Pod asks for this port, and does not get it. */
  | 'pod'
  /** A pool that one would think decides, and why it does not. */
  | 'pool';

/** Something near the packet that decides nothing, and that who asks may have meant. */
export interface Hint {
  readonly about: HintAbout;
  readonly object: ObjectRef | null;
  /** One sentence without its end; the object is not named in it. */
  readonly text: string;
}

/** What hints are looked for in: the facts that the plan was made of. */
export interface HintFacts {
  readonly plan: NatPlan;
  readonly node: NodeFacts;
  readonly enable: PlanOptions['enable'];
  readonly externalIPs: PlanOptions['externalIPs'];
  readonly services: ReadonlyMap<string, FactTypes['Service']>;
  readonly pods: ReadonlyMap<string, FactTypes['Pod']>;
  readonly nodes: ReadonlyMap<string, FactTypes['Node']>;
  slicesOf(service: string): readonly EndpointSliceFact[];
}
