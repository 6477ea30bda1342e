import { parsePort } from '../../net/port.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { type Endpoint, endpointAt, parsePortsKey, type Tuple, tupleKey } from '../../plan/entry.ts';
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
export function isStale(plan: Pick<NatPlan, 'entryAt'>, flow: Flow, gone: ReadonlySet<string>): boolean {
  if (protocolFromNumber(flow.protocol) !== 'UDP') return false;
  const { dst: address, dport } = flow.original;
  const port = parsePort(dport);
  if (port === null) return false;
  const tuple: Tuple = { address, protocol: 'UDP', port };
  const translated = (flow.status & conntrackStatus.IPS_DST_NAT) !== 0;
  const entry = plan.entryAt(tuple);
  const leadsTo = ({ address, port }: Endpoint) => address === flow.reply.src && port === flow.reply.sport;
  switch (entry?.kind) {
    case 'ServiceFrontend': {
      const { endpoints, localEndpoints, retained } = entry;
      if (!translated) return endpoints.length > 0;
      return ![endpoints, localEndpoints ?? [], retained].some((some) => some.some(leadsTo));
    }
    case 'PodBinding':
      return !translated || !leadsTo(endpointAt(entry, tuple));
    default:
      return translated && isAmong(gone, tuple);
  }
}

/** The key of the tuple is among them, or that of a range which has it. */
function isAmong(keys: ReadonlySet<string>, tuple: Tuple): boolean {
  if (keys.has(tupleKey(tuple))) return true;
  for (const key of keys) {
    if (!key.includes('-')) continue;
    const range = parsePortsKey(key);
    if (range === null || range.tuple.address !== tuple.address || range.tuple.protocol !== tuple.protocol)
      continue;
    if (tuple.port >= range.tuple.port && tuple.port < range.tuple.port + range.portCount) return true;
  }
  return false;
}
