import type { Entry, Refusal } from '../../forms/entries.ts';
import { entryKinds, REFUSED } from '../../forms/questions.ts';

export const ENTRY_HEADINGS = ['KIND', 'WHAT', 'OBJECT', 'BECOMES'] as const;

/** Cells in the order of the headings. */
export function entryRow(entry: Entry | Refusal): [string, string, string, string] {
  const owner = 'owner' in entry ? (entry.owner ?? '') : '';
  return [kindOf(entry), entry.key, owner, becomes(entry)];
}

function kindOf({ kind }: Entry | Refusal): string {
  if (kind === 'Refused') return REFUSED;
  return Object.entries(entryKinds).find(([, name]) => name === kind)?.[0] ?? kind;
}

/** What happens to a packet that the entry matches. */
export function becomes(entry: Entry | Refusal): string {
  switch (entry.kind) {
    case 'ServiceFrontend':
      return entry.endpoints.length > 0 ? `→ ${entry.endpoints.join(', ')}` : entry.unserved;
    case 'PodBinding':
      return `→ ${entry.endpoint}`;
    case 'PodReservation':
      return `→ ${entry.endpoint}, once it is Ready`;
    case 'PodSource':
    case 'PodSourcePort':
      return `source ${entry.snat}`;
    case 'ClusterAddress':
      return 'unlisted ports refused';
    case 'ServiceHealthCheck':
      return `${entry.localEndpoints} local endpoints`;
    case 'SourcePorts':
      return `source ports ${entry.ports.join(', ')}`;
    case 'EgressSource':
      return `rules ${entry.rules.join(', ')}`;
    case 'FamilyScope':
      return `egress NAT from ${entry.egressSources.join(', ') || 'nothing'}`;
    case 'Refused':
      return `${entry.reason}: ${entry.message}`;
    default:
      return entry satisfies never;
  }
}
