import { askAgent } from '../../observe/client.ts';
import type { CanonicalEntry } from '../../plan/canonical.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { readChoice, ValueError } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { printTable } from '../table.ts';

export interface EntriesValues extends SettingValues {
  readonly kind?: string;
  readonly object?: string;
}

/** What the filter calls the kinds of the plan. */
const kindNames = {
  frontend: 'ServiceFrontend',
  binding: 'PodBinding',
  source: 'PodSource',
  address: 'ClusterAddress',
  scope: 'FamilyScope',
  egress: 'EgressSource',
} as const satisfies Record<string, PlanEntry['kind']>;

const readKind = readChoice(Object.keys(kindNames) as (keyof typeof kindNames)[]);

export async function entries(text: string | null, values: EntriesValues, context: Context): Promise<void> {
  const kinds = values.kind === undefined ? null : wantedKinds(values.kind);
  const object = values.object?.toLowerCase() ?? null;
  const all = (await askAgent('/v1/entries')) as CanonicalEntry[];
  const chosen = all.filter((entry) => {
    if (kinds !== null && !kinds.includes(String(entry.kind))) return false;
    if (object !== null && !isOwner(String(entry.owner ?? ''), object)) return false;
    return text === null || JSON.stringify(entry).toLowerCase().includes(text.toLowerCase());
  });
  await printData(context.terminal, values.output, chosen, () => {
    printTable(context.terminal, ['KIND', 'WHAT', 'OBJECT', 'BECOMES'], chosen.map(rowOf));
    if (chosen.length === 0) context.terminal.printError('no entry fits');
  });
}

function wantedKinds(text: string): string[] {
  return text.split(',').map((name) => {
    try {
      return kindNames[readKind(name.trim().toLowerCase())];
    } catch (error) {
      if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `--kind: ${error.message}`);
      throw error;
    }
  });
}

/** `owner` is `Service shop/web`; it is asked for by all of it, or by what follows the kind. In lower case. */
function isOwner(owner: string, asked: string): boolean {
  const full = owner.toLowerCase();
  return full === asked || full.slice(full.indexOf(' ') + 1) === asked;
}

function rowOf(entry: CanonicalEntry): string[] {
  const kind = Object.entries(kindNames).find(([, name]) => name === entry.kind)?.[0] ?? String(entry.kind);
  return [kind, String(entry.key), String(entry.owner ?? ''), becomes(entry)];
}

function becomes(entry: CanonicalEntry): string {
  const { kind, endpoints, endpoint, snat, unserved, egressSources } = entry;
  if (kind === 'PodBinding') return `→ ${endpoint}`;
  if (kind === 'PodSource') return `source ${snat}`;
  if (kind === 'ClusterAddress') return 'unlisted ports refused';
  if (kind === 'EgressSource') return `rules ${listed(entry.rules)}`;
  if (kind === 'FamilyScope') return `egress NAT from ${listed(egressSources) || 'nothing'}`;
  return Array.isArray(endpoints) && endpoints.length > 0 ? `→ ${listed(endpoints)}` : `${unserved}`;
}

function listed(value: CanonicalEntry[string] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : '';
}
