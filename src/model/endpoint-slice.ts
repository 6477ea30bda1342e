import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';

export interface EndpointFact {
  readonly address: IpAddress;
  /** Equal states are one object, since most endpoints of a node have the same. */
  readonly state: EndpointState;
}

export interface EndpointState {
  /** Absent in the API means true. */
  readonly ready: boolean;
  /** Absent in the API means true, independent of `ready`. */
  readonly serving: boolean;
  /** Absent in the API means false. */
  readonly terminating: boolean;
  readonly nodeName: string | null;
  /** `hints.forZones[].name`; empty without zone hints. */
  readonly zoneHints: readonly string[];
  /** `hints.forNodes[].name`; empty without node hints. */
  readonly nodeHints: readonly string[];
}

export interface EndpointPortFact {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** An EndpointSlice of one family. A slice without the service-name label is no fact. */
export interface EndpointSliceFact {
  readonly namespace: string;
  readonly name: string;
  /** Label `kubernetes.io/service-name`. */
  readonly serviceName: string;
  readonly family: Family;
  readonly ports: readonly EndpointPortFact[];
  readonly endpoints: readonly EndpointFact[];
  /** Annotation `endpoints.kubernetes.io/last-change-trigger-time`, milliseconds since the epoch, or null. */
  readonly lastChangeTriggerAt: number | null;
}
