import type { ObjectRef } from '../model/object.ts';
import type { PlanEntry } from './entry.ts';

/** Why an object, or a part of it, gets no NAT. Shown on the object and in the node's status. */
export interface Notice {
  /** The reason of the Event, in CamelCase as Kubernetes has it. */
  readonly reason:
    | 'NatInvalid'
    | 'NatRestricted'
    | 'NatNoPublicAddress'
    | 'NatAddressNotLocal'
    | 'NatHostNetwork'
    | 'NatHostPortInUse'
    | 'NatBlockedByFirewall'
    | 'NatPoolOverridden';
  readonly object: ObjectRef;
  readonly message: string;
}

/** What one object (a Service with its slices, a Pod, the pools together) wants of the plan. */
export interface Fragment {
  readonly entries: readonly PlanEntry[];
  readonly notices: readonly Notice[];
}

export const emptyFragment: Fragment = Object.freeze({ entries: [], notices: [] });
