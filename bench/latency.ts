import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeFolder, writeKubeconfig } from '../test/cluster/kubeconfig.ts';
import { readDefinition } from '../test/cluster/manifests.ts';
import type { ApiObject } from '../test/cluster/simulator/objects.ts';
import { startSimulator } from '../test/cluster/start-cluster.ts';
import { costEach, round } from './cost.ts';
import { clusterObjects } from './kube-objects.ts';
import { type Started, stampedAgent, type Work } from './latency/agent.ts';
import { clock } from './latency/stamps.ts';
import { put, Writes, type Written } from './latency/writes.ts';
import { quantile } from './nodes.ts';

/**
 * From an object that is written to the kernel's acknowledgement: the API simulator in one process, the whole agent in
 * another, both in a network namespace of their own.
 */

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '5000' },
    endpoints: { type: 'string', default: '3' },
    /** Single changes, with pauses. */
    changes: { type: 'string', default: '500' },
    /** Changes per second under load, and seconds of load. */
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
    /** Set for the agent. */
    kubeconfig: { type: 'string', default: '' },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);

/** Milliseconds between single changes: from short, as when a Service and its slice are made, to longer than one takes. */
const pauseAfter = (at: number) => 2 + ((at * 7919) % 31);
/** The simulator's collections of garbage would stop it for 100 ms; the agent is started without these. */
const SERVER = ['--max-semi-space-size=256', '--min-semi-space-size=256'];
/** Changes before those that are counted: the code is compiled, as in an agent that runs for a while. */
const WARM_UP = 200;

const self = fileURLToPath(import.meta.url);
const again = (role: string) => [self, ...process.argv.slice(2), '--role', role];

if (values.role === 'outside') {
  const run = spawnSync(
    'unshare',
    ['-n', process.execPath, ...SERVER, ...process.execArgv, ...again('server')],
    {
      stdio: 'inherit',
    },
  );
  process.exit(run.status ?? 1);
} else if (values.role === 'agent') await stampedAgent(values.kubeconfig);
else await serve();

async function serve(): Promise<void> {
  if (spawnSync('ip', ['link', 'set', 'lo', 'up']).status !== 0) throw new Error('no loopback interface');
  const cluster = await startSimulator();
  const { simulator } = cluster;
  simulator.users.add(cluster.knatToken, 'knat', ['system:masters']);
  for (const object of clusterObjects({ services, endpoints })) put(simulator, object);
  put(simulator, readDefinition('nodenats') as ApiObject);
  simulator.store.compact();
  const folder = makeFolder();
  const kubeconfig = writeKubeconfig(folder, cluster, { token: cluster.knatToken });
  const begun = clock();
  const agent = fork(self, [...again('agent').slice(1), '--kubeconfig', kubeconfig], {
    execArgv: process.execArgv.filter((each) => !SERVER.includes(each)),
  });
  const started = (await answerOf(agent)) as Started;
  const writes = new Writes(simulator, { services, endpoints });
  await writes.run(WARM_UP, pauseAfter);
  await sleep(3_000);
  await ask(agent);
  const single = await writes.run(Number(values.changes), pauseAfter);
  await sleep(200);
  const singleWork = await ask(agent);
  await ask(agent);
  const storm = await writes.run(
    Number(values.rate) * Number(values.seconds),
    () => 1000 / Number(values.rate),
  );
  await sleep(500);
  const stormWork = await ask(agent);
  await sleep(1_000);
  await ask(agent);
  const burst = await writes.run(2_000, () => 0);
  await sleep(2_000);
  const burstWork = await ask(agent);
  agent.disconnect();
  await once(agent, 'exit');
  await cluster.stop();
  rmSync(folder, { recursive: true });
  report({
    services,
    endpoints,
    startSyncedMs: round(started.syncedAt - begun),
    startSyncedCpuMs: round(started.syncedCpuMs),
    startProgrammedMs: round(started.programmedAt - begun),
    startProgrammedCpuMs: round(started.programmedCpuMs),
    peakMiB: round(burstWork.peakMiB),
    single: { ...stepsOf(single, singleWork), ...costOf(single, singleWork) },
    storm: { ...totalOf(storm, stormWork), ...costOf(storm, stormWork) },
    burst: costOf(burst, burstWork),
  });
}

async function answerOf(agent: ChildProcess): Promise<unknown> {
  const [answer] = await once(agent, 'message');
  return answer;
}

async function ask(agent: ChildProcess): Promise<Work> {
  agent.send({});
  return (await answerOf(agent)) as Work;
}

/** Milliseconds of each step and of all. */
function stepsOf(written: readonly Written[], { changes }: Work) {
  const seen = new Map(changes.map((change) => [change.key, change]));
  const found = written.flatMap((one) => {
    const change = seen.get(one.key);
    return change === undefined ? [] : [{ ...one, ...change }];
  });
  return {
    ...totalOf(written, { changes }),
    sentMs: spread(found.map((each) => each.sent - each.written)),
    readMs: spread(found.map((each) => each.read - each.sent)),
    plannedMs: spread(found.map((each) => each.planned - each.read)),
    acknowledgedMs: spread(found.map((each) => each.acknowledged - each.planned)),
  };
}

function totalOf(written: readonly Written[], { changes }: Pick<Work, 'changes'>) {
  const times = new Map<string, number>();
  for (const { key, acknowledged } of changes) if (!times.has(key)) times.set(key, acknowledged);
  const found = written.flatMap(({ key, written: at }) => {
    const time = times.get(key);
    return time === undefined ? [] : [time - at];
  });
  return { seen: found.length, totalMs: spread(found) };
}

function costOf(written: readonly Written[], { transactions, ...work }: Work) {
  const { ms: _, ...each } = costEach(work, Math.max(written.length, 1));
  return { changes: written.length, transactions, cpuMs: work.cpuMs, each };
}

function spread(times: readonly number[]) {
  const at = (share: number) => round(quantile(times, share));
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), worst: at(1) };
}

function report(result: Readonly<Record<string, unknown>>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(result)) {
    process.stdout.write(`${name.padEnd(20)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
  }
}
