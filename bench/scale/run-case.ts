import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { measureChains } from '../chains-baseline.ts';
import { costBetween, round } from '../cost.ts';
import { inNamespace } from '../nodes.ts';
import { AgentProcess } from './agent.ts';
import type { ScaleCase } from './cases.ts';
import { check } from './check.ts';
import { countOf } from './cluster.ts';
import { ElementWatch, foreignListeners, lastGeneration } from './kernel.ts';
import type { Baseline, CaseResult, ChangesResult, ColdResult } from './results.ts';
import { curveOf, spreadOf } from './results.ts';
import { Server } from './server-process.ts';

/** Between the end of a start and what is measured after it. */
const SETTLE_MS = 5000;
/** The agent reports its allocations once a second. */
const PROBE_MS = 1500;

/** Builds the case, runs it and removes everything again. Throws if the kernel is not right at its end. */
export async function runCase(each: ScaleCase): Promise<CaseResult> {
  const lab = new Lab('knat-bench');
  const signal = AbortSignal.timeout(each.limitSeconds * 1000);
  try {
    const [host, sink] = await lab.addHosts(['node', 'sink']);
    if (host === undefined || sink === undefined) throw new Error('the lab made no hosts');
    await wire(host, sink);
    const server = new Server(host, each.name);
    try {
      const ready = await server.ready(signal);
      const agent = new AgentProcess(host, ready);
      const cold = await start(agent, host, signal);
      const changes = each.changes === null ? null : await change(agent, host, server, signal);
      const checked = check(host, await server.truth(signal));
      agent.kill();
      const { name, groups, egressPods } = each;
      const size = countOf(groups);
      const baseline = await chains(host, size, signal);
      return { name, ...size, egressPods, jsonMiB: round(ready.jsonMiB), cold, changes, checked, baseline };
    } finally {
      server.close();
    }
  } finally {
    lab.dispose();
  }
}

/**
 * A cable to a host that ignores every packet, since the next hop has another hardware address than its interface:
 * connection tracking of the node has seen what is sent.
 */
async function wire(host: Host, sink: Host): Promise<void> {
  await host.ip([
    `link add eth0 type veth peer name eth0 netns ${sink.namespace}`,
    'link set eth0 addrgenmode none up',
    'address add 203.0.113.1/32 dev eth0',
    'neighbor add 169.254.9.9 lladdr 02:00:00:00:00:99 nud permanent dev eth0',
    'route add default via 169.254.9.9 dev eth0 onlink src 203.0.113.1',
  ]);
  await sink.ip(['link set eth0 addrgenmode none', 'link set eth0 up arp off']);
}

async function start(agent: AgentProcess, host: Host, signal: AbortSignal): Promise<ColdResult> {
  await agent.programmed(signal);
  const done = await lastGeneration(host, signal);
  const listeners = foreignListeners(host);
  const cost = agent.cost();
  const { peakMiB } = agent.memory();
  await sleep(SETTLE_MS, undefined, { signal });
  const { allocatedKiB } = agent;
  const { nowMiB } = agent.memory();
  return {
    ms: round(done - agent.startedAt),
    ...cost,
    allocatedKiB: round(allocatedKiB),
    peakMiB,
    afterMiB: nowMiB,
    listeners,
  };
}

async function change(
  agent: AgentProcess,
  host: Host,
  server: Server,
  signal: AbortSignal,
): Promise<ChangesResult> {
  const watch = new ElementWatch(host);
  try {
    const before = { ...agent.cost(), allocatedKiB: agent.allocatedKiB };
    agent.forgetPeak();
    const all = server.change(signal);
    const samples = await agent.samplesUntil(all);
    const { events, changes, latestMs } = await all;
    const cost = costBetween(before, agent.cost());
    const latencies = await watch.latencies(changes, signal);
    await sleep(PROBE_MS, undefined, { signal });
    const allocatedKiB = round(agent.allocatedKiB - before.allocatedKiB);
    return {
      cost: { ...cost, allocatedKiB },
      events,
      transactions: watch.transactions,
      latencyMs: spreadOf(latencies),
      cores: spreadOf(samples.map(({ cores }) => cores)),
      peakMiB: agent.memory().peakMiB,
      serverLateMs: round(latestMs),
      latencyCurve: curveOf(latencies),
      coresBySecond: samples.map(({ cores }) => round(cores)),
    };
  } finally {
    watch.close();
  }
}

/** Chains that the baseline makes: kube-proxy's layout takes longer than linearly. */
const BASELINE_CHAINS = 20_000;

/** The same kind of Services by the program nft, in the layout of kube-proxy. */
async function chains(
  host: Host,
  { services, endpoints }: ReturnType<typeof countOf>,
  signal: AbortSignal,
): Promise<Baseline> {
  const each = Math.max(1, Math.round(endpoints / services));
  const count = Math.min(services, Math.floor(BASELINE_CHAINS / (1 + each)));
  // Its commands run before it waits for anything, so that they are on the host.
  const { coldMs, cold, endpointChange } = await inNamespace(host, () => measureChains(count, each, signal));
  return { services: count, endpoints: count * each, ms: coldMs, ...cold, endpointChange };
}
