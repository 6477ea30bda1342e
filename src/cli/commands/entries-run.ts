import { type EntryPage, entryKinds } from '../../observe/api/entry-query.ts';
import { ENTRY_HEADINGS, entryRow } from '../../observe/api/entry-row.ts';
import { askAgent } from '../../observe/client.ts';
import type { CanonicalEntry } from '../../plan/canonical.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { readChoice, ValueError } from '../options/readers.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { printTable } from '../table.ts';

const readKind = readChoice(Object.keys(entryKinds) as (keyof typeof entryKinds)[]);

export interface EntriesValues extends SettingValues {
  readonly kind?: string;
  readonly object?: string;
}

/** Entries that are asked for at once. */
const PAGE = 5000;

export async function entries(text: string | null, values: EntriesValues, context: Context): Promise<void> {
  const chosen = await ask(queryOf(text, values));
  await printData(context.terminal, values.output, chosen, () => {
    printTable(context.terminal, ENTRY_HEADINGS, chosen.map(entryRow));
    if (chosen.length === 0) context.terminal.printError('no entry fits');
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

function queryOf(text: string | null, { kind, object }: EntriesValues): URLSearchParams {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (text !== null) query.set('search', text);
  if (object !== undefined) query.set('object', object);
  if (kind !== undefined) query.set('kind', wantedKinds(kind));
  return query;
}

/** Checks the names here, so that a mistake is one of the command line. */
function wantedKinds(text: string): string {
  return text
    .split(',')
    .map((name) => {
      try {
        return readKind(name.trim().toLowerCase());
      } catch (error) {
        if (error instanceof ValueError) throw new CliError('KNAT_USAGE', `--kind: ${error.message}`);
        throw error;
      }
    })
    .join(',');
}
