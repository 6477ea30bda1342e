import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { NamedFacts } from './place.ts';

export type HintAbout =
  /** The kind of NAT that would match is switched off. */
  | 'switched-off'
  /** An object has the address, but not with this port. */
  | 'other-port'
  /** An object has address and port, but not with this protocol. */
  | 'other-protocol'
  /** Protocol and port are bound, but on another address. */
  | 'other-address'
  /** The address belongs to a Service that knat does not handle, or is one of `externalIPs` that are not served. */
  | 'not-ours'
  /** It is a NodePort, but does not answer on this address. */
  | 'node-port'
  /** Another node decides. */
  | 'other-node'
  /** Why there is no endpoint. */
  | 'endpoints'
  /** Which sources are allowed. */
  | 'source-ranges'
  /** The annotation of a Pod asks for this port and does not get it. */
  | 'pod'
  /** A pool that seems to decide, and why it does not. */
  | 'pool'
  /** Who answers a ping. */
  | 'icmp';

/** An object that almost matches the packet, and why it does not. */
export interface Hint {
  readonly about: HintAbout;
  readonly object: ObjectRef | null;
  readonly text: string;
}

/** The facts from which the plan was made; hints are found in them. */
export interface HintFacts extends NamedFacts {
  readonly plan: NatPlan;
  readonly node: NodeFacts;
  readonly enable: PlanOptions['enable'];
  readonly externalIPs: PlanOptions['externalIPs'];
  slicesOf(service: string): readonly EndpointSliceFact[];
}
