import { formatEndpoint } from '../../net/address.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import type { Endpoint } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { type ConntrackEntry, conntrackStatus } from '../../wire/conntrack/entry.ts';

/** What of a conntrack entry decides whether it is stale. */
export type Flow = Pick<ConntrackEntry, 'protocol' | 'original' | 'reply' | 'status'>;

/**
 * True when the flow's destination was translated by a plan that is no longer in force (docs/adr/0004):
 * - it goes to an endpoint that its frontend or binding does not have now, not even as one that still serves;
 * - it was not translated, and its frontend or binding has an endpoint now;
 * - it was translated, and what it dialled has left the plan (`gone`).
 *
 * Only UDP: other protocols end by themselves, and their established connections are to live on.
 *
 * @param gone keys that were in the plan and are not any more
 */
export function isStale(plan: Pick<NatPlan, 'entry'>, flow: Flow, gone: ReadonlySet<string>): boolean {
  if (protocolFromNumber(flow.protocol) !== 'UDP') return false;
  const key = `${formatEndpoint(flow.original.dst, flow.original.dport)}/UDP`;
  const translated = (flow.status & conntrackStatus.IPS_DST_NAT) !== 0;
  const entry = plan.entry(key);
  const leadsTo = ({ address, port }: Endpoint) => address === flow.reply.src && port === flow.reply.sport;
  switch (entry?.kind) {
    case 'ServiceFrontend': {
      const { endpoints, localEndpoints, retained } = entry;
      if (!translated) return endpoints.length > 0;
      return ![endpoints, localEndpoints ?? [], retained].some((some) => some.some(leadsTo));
    }
    case 'PodBinding':
      return !translated || !leadsTo(entry.endpoint);
    default:
      return translated && gone.has(key);
  }
}
