import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { kubeSource } from '../src/sources/kube/kube-source.ts';
import { makeFolder, writeKubeconfig, writeServiceAccount } from '../test/cluster/kubeconfig.ts';
import { BUILT_IN } from '../test/cluster/simulator/resource-types.ts';
import { startSimulator } from '../test/cluster/start-cluster.ts';
import { node } from '../test/generators/large-cluster.ts';
import { type Cost, residentMiB, round, startMeter } from './cost.ts';
import { clusterObjects } from './kube-objects.ts';

/** Time and memory of a separate process whose Kubernetes source reads a cluster of the simulator. */

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    endpoints: { type: 'string', default: '3' },
    /** A server without streaming lists. */
    pages: { type: 'boolean', default: false },
    /** Access by a kubeconfig; else as a pod. */
    kubeconfig: { type: 'boolean', default: false },
    output: { type: 'string', short: 'o', default: 'text' },
    /** Set for the process that reads: where its credentials are. */
    reader: { type: 'string', default: '' },
  },
});

if (values.reader === '') await serve();
else await read(values.reader);

/** The process that is measured: the source, and a plan behind it as in the agent. */
async function read(folder: string): Promise<void> {
  const planner = new Planner(node, defaultPlanOptions);
  const startMiB = residentMiB().nowMiB;
  const reading = startMeter();
  let facts = 0;
  const { env: environment } = process;
  const source = kubeSource({
    nodeName: 'node-0',
    enable: { service: true, pod: true, egress: true },
    access: values.kubeconfig
      ? { environment, kubeconfig: `${folder}/kubeconfig` }
      : { environment, root: folder },
  });
  await source.run(
    {
      apply: (changes) => {
        facts += changes.length;
        planner.apply(changes);
      },
      report: (origin, problems) => {
        for (const { message } of problems) process.stderr.write(`${origin}: ${message}\n`);
      },
      synced: () => {
        const read = reading();
        const inSync = { syncedMs: read.ms, syncedCpuMs: cpuMs() };
        const planning = startMeter();
        planner.update();
        const planned = {
          plannedCpuMs: cpuMs(),
          read,
          plan: planning(),
          peakMiB: residentMiB().peakMiB,
        };
        process.stdout.write(`${JSON.stringify({ facts, startMiB, ...inSync, ...planned })}\n`);
      },
    },
    new AbortController().signal,
  );
}

async function serve(): Promise<void> {
  const cluster = await startSimulator();
  const { simulator } = cluster;
  simulator.users.add(cluster.knatToken, 'knat', ['system:masters']);
  const size = { services: Number(values.services), endpoints: Number(values.endpoints) };
  const texts: string[] = [];
  for (const object of clusterObjects(size)) {
    const type = BUILT_IN.find(({ kind }) => kind === object.kind);
    if (type === undefined) throw new Error(object.kind);
    texts.push(JSON.stringify(object));
    simulator.store.put(type, object);
  }
  simulator.store.compact();
  const jsonMiB = round(texts.reduce((sum, { length }) => sum + length, 0) / 2 ** 20);
  const baseline = { what: 'JSON.parse of the same objects', ...parse(texts.splice(0)) };
  simulator.faults.noStreamingLists = values.pages;
  const folder = makeFolder();
  writeKubeconfig(folder, cluster, { token: cluster.knatToken });
  writeServiceAccount(folder, cluster);
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--reader', folder];
  const { port } = new URL(cluster.url);
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const text = await new Promise<string>((resolve) => {
    child.stdout.once('data', (data) => resolve(String(data)));
  });
  await sleep(5_000);
  const afterMiB = residentMiB(child.pid ?? 0).nowMiB;
  // The restart loses the history, so that everything is listed again.
  await simulator.restart(50);
  await sleep(20_000);
  const relistedMiB = residentMiB(child.pid ?? 0).nowMiB;
  child.kill('SIGTERM');
  await cluster.stop();
  rmSync(folder, { recursive: true });
  report({ jsonMiB, ...JSON.parse(text), afterMiB, relistedMiB, baseline });
}

function parse(texts: readonly string[]): Cost {
  const meter = startMeter();
  for (const text of texts) JSON.parse(text);
  return meter();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return round((user + system) / 1000);
}

function report(result: Readonly<Record<string, unknown>>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(result))
    process.stdout.write(`${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
}
