import { type EntryPage, entryKinds } from '../../observe/api/entry-query.ts';
import { ENTRY_HEADINGS, entryRow } from '../../observe/api/entry-row.ts';
import { isRefusedAskedFor, REFUSED } from '../../observe/api/refused.ts';
import { askAgent } from '../../observe/client.ts';
import { refusals } from '../../observe/refusals.ts';
import type { AgentStatus } from '../../observe/status.ts';
import type { CanonicalEntry } from '../../plan/canonical.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { readChoice, ValueError } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { printTable } from '../table.ts';

const readKind = readChoice([...(Object.keys(entryKinds) as (keyof typeof entryKinds)[]), REFUSED]);

export interface EntriesValues extends SettingValues {
  readonly kind?: string;
  readonly object?: string;
}

/** Entries that are asked for at once. */
const PAGE = 5000;

export async function entries(text: string | null, values: EntriesValues, context: Context): Promise<void> {
  const kinds = values.kind === undefined ? null : wantedKinds(values.kind);
  const planned = kinds?.filter((kind) => kind !== REFUSED) ?? null;
  const chosen = planned?.length === 0 ? [] : await ask(queryOf(text, values.object, planned));
  if (kinds === null || kinds.includes(REFUSED)) {
    const asked = { search: text ?? '', object: values.object ?? null };
    const status = (await askAgent('/api/v1/status')) as AgentStatus;
    chosen.push(...refusals(status).filter((one) => isRefusedAskedFor(one, asked)));
  }
  await printData(context.terminal, values.output, chosen, () => {
    printTable(context.terminal, ENTRY_HEADINGS, chosen.map(entryRow));
    if (chosen.length === 0) context.terminal.printErrorLine('no entry fits');
  });
}

/** All entries that fit, in order of their keys, page by page. */
async function ask(query: URLSearchParams): Promise<CanonicalEntry[]> {
  const all: CanonicalEntry[] = [];
  for (let after: string | null = ''; after !== null; ) {
    if (after !== '') query.set('after', after);
    const page = (await askAgent(`/api/v1/entries?${query}`)) as EntryPage;
    for (const entry of page.items) all.push(entry);
    after = page.next;
  }
  return all;
}

function queryOf(
  text: string | null,
  object: string | undefined,
  kinds: readonly string[] | null,
): URLSearchParams {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (text !== null) query.set('search', text);
  if (object !== undefined) query.set('object', object);
  if (kinds !== null) query.set('kind', kinds.join(','));
  return query;
}

/** Checks the names here, so that a mistake is one of the command line. */
function wantedKinds(text: string): string[] {
  return text.split(',').map((name) => {
    try {
      return readKind(name.trim().toLowerCase());
    } catch (error) {
      if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `--kind: ${error.message}`);
      throw error;
    }
  });
}
