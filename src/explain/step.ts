import type { ObjectRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import type { PacketProtocol } from '../net/protocol.ts';
import type { PoolDecision } from '../plan/egress-decision.ts';
import type { EgressChoice, FrontendOrigin, MasqueradeRule } from '../plan/entry.ts';

/** The hook of a rule. `input` is the last one for a packet to this node itself. */
export type Hook = 'prerouting' | 'output' | 'input' | 'postrouting';

/** The source `node` is an address of this node that routing chooses. */
export interface PacketState {
  readonly source: IpAddress | 'node';
  readonly destination: IpAddress;
  readonly protocol: PacketProtocol;
  readonly port: Port;
}

interface StepBase {
  readonly hook: Hook;
  /** The object that the rule comes from; null where the rule is not tied to one object. */
  readonly object: ObjectRef | null;
  readonly before: PacketState;
  /** One state for each endpoint; empty if the packet's path ends here. */
  readonly after: readonly PacketState[];
}

/** Which endpoints of a frontend a source may reach, and why. */
export type EndpointReach =
  /** All: the traffic policy does not depend on the source. */
  | 'everyone'
  /** All, although the policy is Local: the source is a pod. */
  | 'pod-source'
  /** All, although the policy is Local: the source is this node. */
  | 'node-source'
  /** Those on this node: external traffic policy Local, and the source is neither. */
  | 'local-only';

/** Steps before routing, in the order of docs/spec/README.md "Precedence": they decide about the destination. */
export type DestinationStep = StepBase &
  (
    | {
        /** `loadBalancerSourceRanges` of a Service or `allow` of a binding. */
        readonly rule: 'source-ranges';
        readonly verdict: 'continue' | 'drop';
        readonly key: string;
        readonly allowed: readonly string[];
      }
    | {
        readonly rule: 'service-frontend';
        readonly verdict: 'dnat' | 'reject' | 'drop';
        readonly key: string;
        readonly origin: FrontendOrigin;
        readonly portName: string;
        readonly reach: EndpointReach;
      }
    | { readonly rule: 'pod-binding'; readonly verdict: 'dnat'; readonly key: string }
    /** A port of a ClusterIP that the Service does not list. */
    | { readonly rule: 'unlisted-port'; readonly verdict: 'reject' }
    /** An address of a service CIDR that no Service has. */
    | { readonly rule: 'unused-cluster-ip'; readonly verdict: 'drop'; readonly range: string }
    /** A socket of this host at `*:22` gets the packet, or the program `by` maps it. */
    | {
        readonly rule: 'host-listener';
        readonly verdict: 'continue';
        readonly listener: string;
        readonly by: string | null;
      }
    | {
        /** Conntrack knows the packet as a reply; `object` translates its connection. */
        readonly rule: 'reply';
        readonly verdict: 'dnat' | 'continue';
        /** `TCP 10.244.1.7:40001 (Pod shop/a) → 10.96.0.10:80 (Service shop/web)` */
        readonly connection: string;
        readonly until: string;
      }
    | {
        /** An ICMP error or echo reply. `object` translates its connection. */
        readonly rule: 'icmp-answer';
        readonly verdict: 'dnat' | 'continue';
        /** As in `reply`; null: `state` says why there is none. */
        readonly connection: string | null;
        /** `unseen`: conntrack was not asked. */
        readonly state: 'found' | 'none' | 'unseen';
        /** The packet that an error is about, as it becomes; null: no error, or no connection. */
        readonly inner: string | null;
      }
    | { readonly rule: 'no-destination-rule'; readonly verdict: 'continue' }
  );

/**
 * The part of an EgressRule in the decision:
 * - `decides`: with the verdict `continue`, that the source stays;
 * - `destination`: it does not match this destination;
 * - `later`: a rule with higher priority matched first.
 */
export type EgressRole = 'decides' | 'destination' | 'later';

/** Steps after routing: they decide about the source. */
export type SourceStep = StepBase &
  (
    | { readonly rule: 'hairpin'; readonly verdict: 'masquerade' }
    | {
        readonly rule: 'service-masquerade';
        readonly verdict: 'masquerade' | 'continue';
        readonly masquerade: MasqueradeRule;
      }
    | {
        readonly rule: 'local-delivery';
        readonly verdict: 'continue';
      }
    | {
        /** The return address of Pod NAT; `continue`: the destination is internal. */
        readonly rule: 'pod-source';
        readonly verdict: 'snat' | 'continue';
        readonly to: IpAddress;
        /** The node port of the binding, if the packet comes from the binding's pod port; else one without an owner. */
        readonly port: SourcePort;
      }
    | {
        /** `object` is an EgressRule that matches the source. */
        readonly rule: 'egress-rule';
        readonly verdict: 'snat' | 'masquerade' | 'drop' | 'continue';
        readonly role: EgressRole;
        readonly choice: EgressChoice;
      }
    | {
        /** `object` is the pool of the source, null for ip-masq-agent's file; `continue`: see `because`. */
        readonly rule: 'egress-pool';
        readonly verdict: 'snat' | 'masquerade' | 'continue';
        readonly to: IpAddress | 'node' | null;
        readonly because: PoolDecision['because'];
        readonly others: PoolDecision['others'];
      }
    | { readonly rule: 'no-source-rule'; readonly verdict: 'continue' }
  );

export type Step = DestinationStep | SourceStep;

/** The new source port: a given one, or a random one without an owner (`free`). */
export type SourcePort = Port | 'free';

/** The packet after postrouting: with the same source, an address of the node, or a given address. */
export interface SourceOutcome {
  readonly steps: readonly SourceStep[];
  /** The new source; null: it stays. */
  readonly snat: IpAddress | 'node' | null;
  /** The new source port; null: it stays, or `snat` is null. */
  readonly snatPort: SourcePort | null;
  /** A rule about the source drops the packet. */
  readonly dropped: boolean;
}
