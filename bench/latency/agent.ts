import { pino } from 'pino';
import { runAgent } from '../../src/agent/agent-run.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { kubeSource } from '../../src/sources/kube/kube-source.ts';
import { type Cost, startMeter } from '../cost.ts';
import { type ChangeStamps, clock, Stamps } from './stamps.ts';

/** The first programming: times by `clock`, and processor time in milliseconds since the process began. */
export interface Started {
  readonly syncedAt: number;
  readonly syncedCpuMs: number;
  readonly programmedAt: number;
  readonly programmedCpuMs: number;
}

/** What the agent did since the last question, and what that cost. */
export interface Work extends Cost {
  readonly changes: readonly ChangeStamps[];
  readonly transactions: number;
  readonly peakMiB: number;
}

/**
 * The whole agent, in the network namespace of the process, with a kubeconfig. Sends `Started` to the parent process when
 * the kernel has everything, and `Work` for each message from it.
 */
export async function stampedAgent(kubeconfig: string): Promise<void> {
  const { enable } = defaultPlanOptions;
  const access = { environment: process.env, kubeconfig };
  const stamps = new Stamps();
  let synced = { syncedAt: 0, syncedCpuMs: 0 };
  const source = stamps.of(kubeSource({ nodeName: 'node-0', enable, access }), () => {
    synced = { syncedAt: clock(), syncedCpuMs: cpuMs() };
  });
  const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source, cluster: access };
  let isStarted = false;
  const log = {
    write: (line: string) => {
      if (isStarted || JSON.parse(line).msg !== 'programmed') return;
      isStarted = true;
      process.send?.({ ...synced, programmedAt: clock(), programmedCpuMs: cpuMs() } satisfies Started);
    },
  };
  let meter = startMeter();
  process.on('message', () => {
    const { rss } = process.memoryUsage();
    const cost = meter();
    process.send?.({
      ...stamps.take(),
      ...cost,
      peakMiB: process.resourceUsage().maxRSS / 1024 || rss / 2 ** 20,
    } satisfies Work);
    meter = startMeter();
  });
  process.on('disconnect', () => process.exit());
  await runAgent(
    {
      settings,
      logger: pino({ level: 'info' }, log),
      version: 'bench',
      once: false,
      tell: { nodeStatus: true, events: true },
      http: { address: null, metricsAddress: null, tls: null, openMetrics: false },
    },
    new AbortController().signal,
  );
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
