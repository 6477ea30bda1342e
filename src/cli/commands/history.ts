import { historyPast } from '../../agent/past.ts';
import { askedOf, type JournalQuestion, journalQuestion } from '../../forms/questions.ts';
import { describeHistory } from '../../journal/describe.ts';
import { parseAddress } from '../../net/address.ts';
import { agentClient } from '../agent-client.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';

export interface HistoryValues extends SettingValues, JournalQuestion {}

/** @param what the command's argument: an object, or an address with or without port */
export async function history(values: HistoryValues, context: Context, what?: string): Promise<void> {
  const question = { ...askedOf(journalQuestion, values), ...(what === undefined ? {} : about(what)) };
  const { historyDir, output } = values;
  const answer =
    historyDir === undefined
      ? await agentClient(context).ask('/journal', question)
      : await historyPast(historyDir, question, Date.now());
  const { terminal } = context;
  await printData(terminal, output, answer, () => terminal.printLines(describeHistory(answer)));
}

function about(what: string): Pick<JournalQuestion, 'object' | 'address'> {
  const isAddress = parseAddress(what) !== null || /^(\[.+\]|[\d.]+):\d+$/.test(what);
  return isAddress ? { address: what } : { object: what };
}
