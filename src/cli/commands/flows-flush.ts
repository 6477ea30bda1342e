import { FlowDeleter } from '../../flows/delete.ts';
import type { Context } from '../context.ts';
import type { SettingValues } from '../options/table.ts';
import { printData } from '../output.ts';
import { eachFlow } from './flows-print.ts';

/** Ends listed flows with this process's rights: reading from the agent grants no right to end flows. */
export async function endFlows(
  pieces: AsyncIterable<Uint8Array>,
  values: SettingValues,
  context: Context,
): Promise<void> {
  const deleter = new FlowDeleter();
  let ended = 0;
  let gone = 0;
  try {
    await eachFlow(pieces, (flow) => {
      if (deleter.delete(flow)) ended++;
      else gone++;
    });
  } finally {
    deleter.close();
  }
  await printData(context.terminal, values.output, { ended, gone }, () => {
    const others = gone === 0 ? '' : `; ${gone} had already ended`;
    context.terminal.print(`${ended} stale flows ended${others}`);
  });
}
