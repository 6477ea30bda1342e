import { askedOf, type TraceQuestion, traceQuestion } from '../../forms/questions.ts';
import type { TraceLine } from '../../forms/trace.ts';
import { printableJson } from '../../model/printable.ts';
import { agentPieces, linesOf } from '../../observe/client.ts';
import { traceLines } from '../../trace/lines.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';

export interface TraceValues extends SettingValues, TraceQuestion {}

/** Prints what the agent tells, line by line; the trace ends with this process. */
export async function trace(values: TraceValues, context: Context): Promise<void> {
  const { terminal } = context;
  const { output = 'table' } = values;
  const question = askedOf(traceQuestion, values);
  for (const end of ['from', 'to'] as const) {
    if (question[end] === undefined) {
      throw new CliError('KNAT_USAGE', `--${end} is missing: a packet has a sender and a destination`);
    }
  }
  let isWhole = false;
  for await (const lines of linesOf(agentPieces('/trace', question))) {
    for (const text of lines) {
      const line: TraceLine = JSON.parse(text);
      isWhole ||= line.event === 'end';
      if (output === 'json') terminal.print(printableJson(text));
      else if (output === 'yaml') await printData(terminal, 'yaml', [line], () => {});
      else terminal.printLines(traceLines(line));
    }
  }
  if (!isWhole) throw new CliError('KNAT_TRACE_CUT', 'the agent ended before the trace did');
}
