import { parsePort } from '../../net/port.ts';
import { type Protocol, protocolFromNumber } from '../../net/protocol.ts';
import { setContains } from '../../net/ranges.ts';
import { type Endpoint, endpointAt, type ServiceFrontend } from '../../plan/entry.ts';
import { clusterAddressKey } from '../../plan/entry-key.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { conntrackStatus, type TrackedFlow } from '../../wire/conntrack/entry.ts';
import { type Comparison, DialledTuples, type FlowChanges } from './flow-changes.ts';

type Plan = Pick<NatPlan, 'entry' | 'entryAt'>;

/**
 * Decides whether a plan no longer in force translated a flow's destination (docs/adr/0004). Such a flow:
 * - goes to an endpoint that its frontend or binding no longer has, not even as a serving one;
 * - or was not translated, although its frontend or binding now has an endpoint;
 * - or was translated, and its frontend or binding has left the plan;
 * - or has a source port that now belongs to a Service or another pod.
 *
 * TCP and SCTP flows count only without a reply: no connection can break, and the repeated SYN or INIT starts anew.
 * Flows with replies are left to end by themselves. A UDP flow without a reply may not stay with an endpoint that only
 * serves existing flows.
 */
export class StaleFlowJudge {
  readonly #plan: Plan;
  readonly #keys: FlowChanges['keys'];
  readonly #gone: DialledTuples;
  readonly #compare: Comparison | null;

  constructor(plan: Plan, { keys, gone, compare }: FlowChanges) {
    this.#plan = plan;
    this.#keys = keys;
    this.#gone = new DialledTuples(gone);
    this.#compare = compare;
  }

  isStale(flow: TrackedFlow): boolean {
    const isReplied = (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0;
    const protocol = protocolFromNumber(flow.protocol);
    if (protocol === null || (isReplied && protocol !== 'UDP')) return false;
    if (this.#holdsPort(flow, protocol)) return true;
    const isTranslated = (flow.status & conntrackStatus.IPS_DST_NAT) !== 0;
    const { dst: address, dport } = flow.original;
    const port = parsePort(dport);
    if (port === null) return false;
    const tuple = { address, protocol, port };
    const entry = this.#plan.entryAt(tuple);
    if (entry?.kind !== 'ServiceFrontend' && entry?.kind !== 'PodBinding') {
      return isTranslated && (this.#gone.has(tuple) || this.#wasService(flow));
    }
    if (this.#keys !== null && !this.#keys.has(entry.key)) return false;
    if (entry.kind === 'PodBinding') return !isTranslated || !leadsTo(flow, endpointAt(entry, tuple));
    if (!isTranslated) return !isReplied || entry.endpoints.length > 0;
    const admitted = isReplied ? servingEndpoints(entry) : this.#chosenEndpoints(entry, flow);
    return !admitted.some((some) => some.some((endpoint) => leadsTo(flow, endpoint)));
  }

  /** The source was translated to a port that now has another owner, which could not reach the same peer. */
  #holdsPort({ status, original, reply }: TrackedFlow, protocol: Protocol): boolean {
    if ((status & conntrackStatus.IPS_SRC_NAT) === 0 || reply.dst === original.src) return false;
    const port = parsePort(reply.dport);
    if (port === null) return false;
    const owner = this.#plan.entryAt({ address: reply.dst, protocol, port });
    if (owner === undefined || !('tuple' in owner)) return false;
    if (this.#keys !== null && !this.#keys.has(owner.key)) return false;
    return (
      owner.kind === 'ServiceFrontend' || ('endpoint' in owner && owner.endpoint.address !== original.src)
    );
  }

  /**
   * Where a new flow of this source would go. Policy Local gives pods and this node the wider choice, but not all modes
   * know them; a flow without a reply that is deleted needlessly starts anew.
   */
  #chosenEndpoints({ endpoints, localEndpoints }: ServiceFrontend, { family, original }: TrackedFlow) {
    if (localEndpoints === null) return [endpoints];
    return setContains(scopeOf(this.#plan, family).pods, original.src) ? [endpoints] : [localEndpoints];
  }

  /** The plan has no entry at the flow's destination; true when only a Service can have translated it. */
  #wasService({ family, original, reply }: TrackedFlow): boolean {
    if (this.#compare === null) return false;
    const { dst, dport } = original;
    const { pods, serviceCIDRs } = scopeOf(this.#plan, family);
    if (this.#compare.localAddresses.has(dst)) {
      const isNodePort = NODE_PORTS.first <= dport && dport <= NODE_PORTS.last;
      return this.#compare.isLost && isNodePort && setContains(pods, reply.src);
    }
    return setContains(serviceCIDRs, dst) || this.#plan.entry(clusterAddressKey(dst)) !== undefined;
  }
}

/** The default NodePort range (`--service-node-port-range` of the API server). */
const NODE_PORTS = { first: 30_000, last: 32_767 };

function leadsTo({ reply }: TrackedFlow, { address, port }: Endpoint): boolean {
  return address === reply.src && port === reply.sport;
}

/** Endpoints with which a flow that has replies may stay. */
function servingEndpoints({ endpoints, localEndpoints, retained }: ServiceFrontend) {
  return [endpoints, localEndpoints ?? [], retained];
}
