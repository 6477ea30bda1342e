import type { CanonicalEntry } from '../../plan/canonical.ts';
import { entryKinds } from './entry-query.ts';
import { REFUSED } from './refused.ts';

export const ENTRY_HEADINGS = ['KIND', 'WHAT', 'OBJECT', 'BECOMES'] as const;

/** An entry, or what was refused, as cells for people, under the headings. */
export function entryRow(entry: CanonicalEntry): [string, string, string, string] {
  if (entry.kind === 'Refused') {
    return [REFUSED, String(entry.key), String(entry.owner), `${entry.reason}: ${entry.message}`];
  }
  const kind = Object.entries(entryKinds).find(([, name]) => name === entry.kind)?.[0] ?? String(entry.kind);
  return [kind, String(entry.key), String(entry.owner ?? ''), becomes(entry)];
}

function becomes(entry: CanonicalEntry): string {
  const { kind, endpoints, endpoint, snat, unserved, egressSources } = entry;
  if (kind === 'PodBinding') return `→ ${endpoint}`;
  if (kind === 'PodReservation') return `→ ${endpoint}, once it is Ready`;
  if (kind === 'PodSource' || kind === 'PodSourcePort') return `source ${snat}`;
  if (kind === 'ClusterAddress') return 'unlisted ports refused';
  if (kind === 'ServiceHealthCheck') return `${entry.localEndpoints} local endpoints`;
  if (kind === 'SourcePorts') return `source ports ${listed(entry.ports)}`;
  if (kind === 'EgressSource') return `rules ${listed(entry.rules)}`;
  if (kind === 'FamilyScope') return `egress NAT from ${listed(egressSources) || 'nothing'}`;
  return Array.isArray(endpoints) && endpoints.length > 0 ? `→ ${listed(endpoints)}` : `${unserved}`;
}

function listed(value: CanonicalEntry[string] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : '';
}
