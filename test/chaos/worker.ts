/** One world of `make chaos`, in a process of its own. Runs lives as `main.ts` asks, and ends with it. */
import type { FaultResult, LifeResult } from './results.ts';
import { Series, type SeriesOptions } from './series.ts';

export type WorkerRequest = { readonly id: number; readonly indices: readonly number[] };
export type WorkerAnswer =
  | { readonly fault: FaultResult }
  | { readonly id: number; readonly value: LifeResult }
  | { readonly id: number; readonly error: string };

const series = new Series(JSON.parse(process.argv[2] ?? '') as SeriesOptions);
const send = (answer: WorkerAnswer) => process.connected && process.send?.(answer);

process.on('message', async ({ id, indices }: WorkerRequest) => {
  try {
    send({ id, value: await series.live(indices, (fault) => send({ fault })) });
  } catch (error) {
    await series.close().catch(() => {});
    send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => {
  void series.close().finally(() => process.exit());
});
