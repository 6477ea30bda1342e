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
 * Says of flows whether their destination was translated by a plan that is no longer in force (docs/adr/0004). Then:
 * - it goes to an endpoint that its frontend or binding does not have now, not even as one that still serves;
 * - or it was not translated, and its frontend or binding has an endpoint now;
 * - or it was translated, and what it dialled has left the plan;
 * - or its source has a port that belongs to a Service or to another pod now.
 *
 * Of TCP and SCTP only flows that never saw a reply: no program has a connection that could break, and the repeated SYN
 * or INIT begins anew. Flows with replies end by themselves, and are to live on. A UDP flow without a reply does not stay
 * with an endpoint that only serves on, either.
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

  /** Its source was translated to a port that has another owner now: that owner could not reach the same peer. */
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
   * Where a new flow of this source would go. With policy Local pods and this node itself have the wider choice; who they
   * are is not known in all modes, and a flow without a reply that is deleted in vain begins anew where it was.
   */
  #chosenEndpoints({ endpoints, localEndpoints }: ServiceFrontend, { family, original }: TrackedFlow) {
    if (localEndpoints === null) return [endpoints];
    return setContains(scopeOf(this.#plan, family).pods, original.src) ? [endpoints] : [localEndpoints];
  }

  /** The plan has nothing where the flow went; true when it can only have been a Service that translated it. */
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

/** The numbers of NodePorts by default (`--service-node-port-range` of the API server). */
const NODE_PORTS = { first: 30_000, last: 32_767 };

function leadsTo({ reply }: TrackedFlow, { address, port }: Endpoint): boolean {
  return address === reply.src && port === reply.sport;
}

/** Where a flow that has replies may stay. */
function servingEndpoints({ endpoints, localEndpoints, retained }: ServiceFrontend) {
  return [endpoints, localEndpoints ?? [], retained];
}
