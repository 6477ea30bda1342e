import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import koffi from 'koffi';
import { makeFolder, writeKubeconfig } from '../test/cluster/kubeconfig.ts';
import { startSimulator } from '../test/cluster/start-cluster.ts';
import { enterFreshNamespace } from '../test/netns/namespace.ts';
import { quantile } from './nodes.ts';

/** What a start of the built program costs, against Node.js alone, and what an agent costs at rest. */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    /** For which an agent at rest is watched; 0: not at all. */
    seconds: { type: 'string', default: '60' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const KNAT = `${REPOSITORY}bin/knat`;
const DEMO = ['--source', `dir:${REPOSITORY}examples/demo`, '--node', 'node1'];
const PACKET = ['--from', '10.244.1.10', '--to', '198.51.100.10:443'];
/** Seconds after which an agent has done all that belongs to its start. */
const SETTLES = 15;

interface Used {
  /** Processor time, user and system. */
  readonly cpuMs: number;
  readonly pageFaults: number;
}

enterFreshNamespace();
// A real server sends a bookmark a minute.
const cluster = await startSimulator(60_000);
cluster.simulator.users.add(cluster.knatToken, 'knat', ['system:masters']);
const folder = makeFolder();
const kubeconfig = writeKubeconfig(folder, cluster, { token: cluster.knatToken });
const inCluster = ['--source', 'kubernetes', '--kubeconfig', kubeconfig, '--node', 'node1'];

/** With everything that a command starts; the shell of bin/knat and nft are part of it. */
const commands: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': [process.execPath, '-e', '0'],
  version: [KNAT, 'version'],
  help: [KNAT, '--help'],
  explain: [KNAT, 'explain', ...DEMO, ...PACKET],
  'explain --kubeconfig': [KNAT, 'explain', ...inCluster, ...PACKET],
  'agent --once': [KNAT, 'agent', ...DEMO, '--once'],
};

const used = new Map(Object.keys(commands).map((name): [string, Used[]] => [name, []]));
for (let run = 0; run < Number(values.runs); run++) {
  for (const [name, words] of Object.entries(commands)) used.get(name)?.push(await usedBy(words));
}
const median = (name: string, what: keyof Used) =>
  quantile(
    (used.get(name) ?? []).map((each) => each[what]),
    0.5,
  );
const starts = Object.keys(commands).map((name) => ({
  command: name,
  cpuMs: Math.round(median(name, 'cpuMs')),
  ratio: Number((median(name, 'cpuMs') / median('node -e 0', 'cpuMs')).toFixed(2)),
  pageFaults: median(name, 'pageFaults'),
}));
const rest =
  Number(values.seconds) === 0
    ? []
    : [
        { source: 'folder', ...(await atRest(DEMO)) },
        { source: 'kubeconfig', ...(await atRest(inCluster)) },
      ];
if (values.output === 'json') console.log(JSON.stringify({ starts, rest }));
else {
  console.table(starts);
  console.table(rest);
}
await cluster.stop();
rmSync(folder, { recursive: true });

/** What all processes used that ended meanwhile: the command and what it started. */
async function usedBy(words: readonly string[]): Promise<Used> {
  const before = ended();
  await endOf(spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore' }));
  const after = ended();
  return { cpuMs: after.cpuMs - before.cpuMs, pageFaults: after.pageFaults - before.pageFaults };
}

async function endOf(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => child.once('close', resolve));
}

/** getrusage(RUSAGE_CHILDREN): of all children that have ended. */
function ended(): Used {
  const getrusage = koffi.load('libc.so.6').func('int getrusage(int who, _Out_ uint8_t *usage)');
  const bytes = Buffer.alloc(144);
  if (getrusage(-1, bytes) !== 0) throw new Error('getrusage failed');
  const word = (index: number) => Number(bytes.readBigInt64LE(index * 8));
  const milliseconds = (index: number) => word(index) * 1_000 + word(index + 1) / 1_000;
  return { cpuMs: milliseconds(0) + milliseconds(2), pageFaults: word(8) };
}

/** An agent that has nothing to do, with its HTTP servers. */
async function atRest(source: readonly string[]) {
  const child = spawn(KNAT, ['agent', ...source], { stdio: 'ignore' });
  const gone = endOf(child);
  try {
    await sleep(SETTLES * 1_000);
    const pid = child.pid ?? 0;
    const before = threads(pid);
    await sleep(Number(values.seconds) * 1_000);
    const after = threads(pid);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mebibytes = (name: string) =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024);
    const seconds = Number(values.seconds);
    return {
      wakeUpsPerSecond: Number(((after.wakeUps - before.wakeUps) / seconds).toFixed(2)),
      cpuPercent: Number(((after.cpuMs - before.cpuMs) / seconds / 10).toFixed(3)),
      rssMiB: mebibytes('VmRSS'),
      anonMiB: mebibytes('RssAnon'),
    };
  } finally {
    child.kill();
    await gone;
  }
}

/** Of all threads of a process: how often they began to wait, and their processor time. */
function threads(pid: number): { readonly wakeUps: number; readonly cpuMs: number } {
  let wakeUps = 0;
  let cpuMs = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
    cpuMs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  }
  return { wakeUps, cpuMs };
}
