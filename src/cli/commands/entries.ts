import type { Entry, EntryPage, Refusal } from '../../forms/entries.ts';
import { askedOf, type EntryQuestion, entryKinds, entryQuestion } from '../../forms/questions.ts';
import { readEntryQuestion, wantedRefusals } from '../../observe/api/entry-query.ts';
import { ENTRY_HEADINGS, entryRow } from '../../observe/api/entry-row.ts';
import { refusals } from '../../observe/refusals.ts';
import { type AgentClient, agentClient } from '../agent-client.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { printTable } from '../table.ts';

export interface EntriesValues extends SettingValues, EntryQuestion {}

/** Entries per request. */
const PAGE = 5000;

/** @param search the command's argument */
export async function entries(values: EntriesValues, context: Context, search?: string): Promise<void> {
  const { kind: _, ...question } = { ...askedOf(entryQuestion, values), search };
  // Checked before asking, so that a mistake is a usage error.
  const wanted = readEntryQuestion({ ...question, kind: values.kind }, 'everything');
  if (typeof wanted === 'string') throw new CliError('KNAT_USAGE', `--${wanted}`);
  const chosen: (Entry | Refusal)[] = [];
  const client = agentClient(context);
  const { kinds } = wanted;
  if (kinds === null) await ask(client, question, chosen);
  else if (kinds.length > 0) {
    const names = Object.entries(entryKinds).filter(([, kind]) => kinds.includes(kind));
    await ask(client, { ...question, kind: names.map(([name]) => name).join() }, chosen);
  }
  if (wanted.refused) {
    await client.ask('/conflicts', { limit: 1 }); // refused without a plan, while /status lists what is found so far
    chosen.push(...wantedRefusals(wanted, refusals(await client.ask('/status'))));
  }
  await printData(context.terminal, values.output, chosen, () => {
    printTable(context.terminal, ENTRY_HEADINGS, chosen.map(entryRow));
    if (chosen.length === 0) context.terminal.printErrorLine('no entry matches');
  });
}

/** Page by page, in the order of the keys. */
async function ask(client: AgentClient, question: EntryQuestion, all: (Entry | Refusal)[]): Promise<void> {
  for (let after: string | null = ''; after !== null; ) {
    const page: EntryPage = await client.ask('/entries', { ...question, after, limit: PAGE });
    for (const entry of page.items) all.push(entry);
    after = page.next;
  }
}
