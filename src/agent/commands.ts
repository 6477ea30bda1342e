import { setTimeout as sleep } from 'node:timers/promises';
import { KubeProxyRules } from '../datapath/coexistence/kube-proxy.ts';
import { StaleFlowCleaner } from '../datapath/conntrack/stale-flow-cleaner.ts';
import type { Observed, Preview } from '../datapath/datapath.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';
import { AccessError } from '../kube-api/access.ts';
import { ApiClient } from '../kube-api/client.ts';
import type { HealthAddress } from '../observe/health-server.ts';
import type { Logger } from '../observe/logger.ts';
import type { AgentStatus } from '../observe/status.ts';
import { Agent } from './agent.ts';
import type { CompanionFactory } from './companion.ts';
import { type ClusterToTell, clusterStatus } from './companions/cluster.ts';
import { healthEndpoints } from './companions/health.ts';
import { staleUdpFlows } from './companions/stale-udp-flows.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import { KernelAddresses } from './interface-addresses.ts';
import { planOnce } from './offline.ts';
import type { PlanSettings } from './settings.ts';

/** What the command line can have done in the network namespace of the process: the composition root. */

export interface AgentRun {
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly version: string;
  /** End when the kernel matches for the first time; then nobody is served and the cluster is not told. */
  readonly once: boolean;
  /** Take kube-proxy's rules away when ours are in force, instead of refusing beside them. */
  readonly replaceKubeProxy?: boolean;
  /** Where health is served; absent or null: nowhere. */
  readonly health?: HealthAddress | null;
  /** What the cluster is told, where the source is one; absent: nothing. */
  readonly tell?: Omit<ClusterToTell, 'client'>;
}

/** Runs the agent until the signal aborts and gives its last status. What it programmed stays. */
export async function runAgent(run: AgentRun, signal: AbortSignal): Promise<AgentStatus> {
  const { settings, logger, version, once, replaceKubeProxy = false, health = null } = run;
  const datapath = NftablesDatapath.open();
  const interfaces = new KernelAddresses();
  const flows = new StaleFlowCleaner();
  const kubeProxy = new KubeProxyRules();
  try {
    const surroundings = {
      now: () => performance.now(),
      random: () => Math.random(),
      wallClock: () => new Date(),
      sleep: async (milliseconds: number, until: AbortSignal) => {
        await sleep(milliseconds, undefined, { signal: until }).catch(() => {});
      },
    };
    const processId = process.pid;
    const cluster = once ? null : await clusterToTell(run, surroundings);
    const companions: CompanionFactory[] = [staleUdpFlows(flows)];
    if (health !== null && !once) companions.push(healthEndpoints(health));
    if (cluster !== null) companions.push(clusterStatus(cluster));
    const host = { datapath, interfaces, kubeProxy };
    const agent = new Agent({
      ...{ settings, ...host, replaceKubeProxy, logger, surroundings, version, processId, companions },
    });
    await agent.run(signal, { once });
    return agent.status();
  } finally {
    kubeProxy.close();
    flows.close();
    interfaces.close();
    datapath.close();
  }
}

/** Null where there is none to tell, or where its configuration is of no use: the source says so too, and ends. */
async function clusterToTell(
  { settings, tell, version }: AgentRun,
  surroundings: LoopSurroundings,
): Promise<ClusterToTell | null> {
  if (settings.cluster === undefined || !(tell?.nodeStatus || tell?.events)) return null;
  const { openAccess } = await import('../kube-api/open-access.ts');
  try {
    const access = await openAccess(settings.cluster);
    return { client: new ApiClient(access, surroundings, `knat/${version}`), ...tell };
  } catch (error) {
    if (error instanceof AccessError) return null;
    throw error;
  }
}

/** What an agent would change, and what it could not do. */
export type AgentPreview = Preview & Pick<AgentStatus, 'problems' | 'notices' | 'conflicts'>;

/** What an agent with these settings would change in the kernel; writes nothing. */
export async function previewAgent(settings: PlanSettings, signal: AbortSignal): Promise<AgentPreview> {
  const datapath = NftablesDatapath.open();
  const interfaces = new KernelAddresses();
  try {
    const { planner, problems } = await planOnce(settings, interfaces.current(), signal);
    const { plan } = planner;
    const preview = await datapath.preview(plan, signal);
    return { ...preview, problems, notices: [...plan.notices()], conflicts: [...plan.conflicts.values()] };
  } finally {
    interfaces.close();
    datapath.close();
  }
}

/** What of ours the kernel holds, whether an agent runs or not. */
export async function inspectKernel(signal: AbortSignal): Promise<Observed> {
  const datapath = NftablesDatapath.open();
  try {
    return await datapath.inspect(signal);
  } finally {
    datapath.close();
  }
}

/** Removes all that is ours from the kernel; gives what was removed, as `ip knat`. */
export async function cleanUpKernel(signal: AbortSignal): Promise<readonly string[]> {
  const datapath = NftablesDatapath.open();
  try {
    return await datapath.remove(signal);
  } finally {
    datapath.close();
  }
}
