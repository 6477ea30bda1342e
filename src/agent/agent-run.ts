import { timers } from '../base/wake.ts';
import { watchChains } from '../datapath/coexistence/chain-watch.ts';
import { ForeignRules } from '../datapath/coexistence/foreign-rules.ts';
import { ForwardChains } from '../datapath/coexistence/forward-chains.ts';
import { IptablesChains } from '../datapath/coexistence/iptables-chains.ts';
import { KubeProxyRules } from '../datapath/coexistence/kube-proxy.ts';
import { PodRouting } from '../datapath/coexistence/pod-routes.ts';
import { podnatOwner } from '../datapath/coexistence/podnat-controller-names.ts';
import type { ConntrackSettings } from '../datapath/conntrack/settings.ts';
import { StaleFlowCleaner } from '../datapath/conntrack/stale-flow-cleaner.ts';
import type { Datapath } from '../datapath/datapath.ts';
import { GoneTable } from '../datapath/nftables/gone-table.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';
import type { Status } from '../forms/status.ts';
import type { JournalSettings } from '../journal/journal.ts';
import { AccessError } from '../kube-api/access.ts';
import { ApiClient } from '../kube-api/client.ts';
import { AgentRunning } from '../observe/api.ts';
import type { ListenAddress } from '../observe/listening.ts';
import type { Logger } from '../observe/logger.ts';
import type { StateStore, StoreChoice } from '../status/stores/store.ts';
import { NamespaceLock } from '../wire/nflog/namespace-lock.ts';
import { NftablesConnection } from '../wire/nftables/connection.ts';
import { watchRoutes } from '../wire/route/monitor.ts';
import { Agent } from './agent.ts';
import type { AgentSurroundings, CompanionFactory } from './companion.ts';
import { type ClusterToTell, clusterStatus } from './companions/cluster.ts';
import { conntrackSettings } from './companions/conntrack-settings.ts';
import { kernelDifference } from './companions/difference.ts';
import { flowsForPeople } from './companions/flows.ts';
import { foreignTranslation } from './companions/foreign-translation.ts';
import { GoneEndpointCompanion } from './companions/gone-endpoints.ts';
import { goneTableTidied } from './companions/gone-table.ts';
import { healthEndpoints } from './companions/health.ts';
import { history } from './companions/history.ts';
import { type HttpOptions, httpServers } from './companions/http.ts';
import { memory } from './companions/memory.ts';
import { packetTraces } from './companions/packet-traces.ts';
import { podRouting } from './companions/pod-routing.ts';
import { podnatController } from './companions/podnat-controller.ts';
import { publishedState } from './companions/published-state.ts';
import { serviceHealthChecks } from './companions/service-health.ts';
import { StaleFlowCompanion } from './companions/stale-flows.ts';
import { takenOverRules } from './companions/taken-over.ts';
import { whatIfAnswers } from './companions/what-if.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import { ForeignPorts } from './foreign-ports.ts';
import { forwardGuard } from './forward-guard.ts';
import { ConnectionEnder } from './gone/end-connections.ts';
import { KernelListeners, processClock } from './host-listeners.ts';
import { KernelAddresses } from './interface-addresses.ts';
import {
  type BesideKubeProxy,
  KubeProxyGuard,
  type OtherProxy,
  type ServiceGuard,
} from './kube-proxy-guard.ts';
import { pastCommand } from './past-command.ts';
import { askProcess } from './past-process.ts';
import { KernelReservedPorts } from './reserved-ports.ts';
import type { WatchRules } from './rule-keeper.ts';
import { ServicesLeft, type ServicesLeftParts } from './services-left.ts';
import { defaultFlowSettings, type FlowSettings, type PlanSettings } from './settings.ts';
import type { TakenPortSource } from './taken-ports.ts';
import type { OwnProgram } from './what-if/runs.ts';

export interface AgentRun {
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly version: string;
  /** End when the kernel matches for the first time; serve nothing and report nothing to the cluster. */
  readonly once: boolean;
  /** Default: refuse. */
  readonly besideKubeProxy?: BesideKubeProxy;
  /** With `leave`: what this agent found when it was asked for, and what it calls when that has changed. */
  readonly servicesLeft?: Pick<ServicesLeftParts, 'isLeft' | 'moved'>;
  /** Absent: do not look for podnat-controller's chains. */
  readonly podnatController?: PodnatControllerChoice;
  /** Where the bindings are published in addition to the NodeNAT object; absent: nowhere. */
  readonly store?: StoreChoice;
  /** Let translated packets through FORWARD chains that drop, instead of only reporting the chains; default: true. */
  readonly manageForward?: boolean;
  readonly conntrack?: ConntrackSettings;
  /** Absent or null: nowhere. */
  readonly health?: ListenAddress | null;
  /** Where load balancers ask for kube-proxy's health, once kube-proxy has freed the port; absent or null: nowhere. */
  readonly proxyHealth?: ListenAddress | null;
  readonly http?: HttpOptions;
  /** Where the history is kept; absent: nowhere. */
  readonly history?: JournalSettings;
  /** Absent: flows are only read. */
  readonly flows?: FlowSettings;
  /** Absent: questions of what-if are not answered. */
  readonly whatIf?: OwnProgram;
  /** Absent: nothing is reported to the cluster. */
  readonly tell?: Omit<ClusterToTell, 'client'>;
}

export interface PodnatControllerChoice {
  /** Its `-resourceprefix`. */
  readonly prefix: string;
  /** Remove its chains when ours are in force, instead of reporting them. */
  readonly replace: boolean;
}

function watchRules(onChange: () => void): () => void {
  return watchRoutes(onChange, ['rule']);
}

/** True if kube-proxy's rules are in this network namespace, in any mode. */
export async function hasKubeProxy(signal: AbortSignal): Promise<boolean> {
  const rules = new KubeProxyRules();
  try {
    return (await rules.find(signal)).found.length > 0;
  } finally {
    rules.close();
  }
}

/** Runs the agent until the signal aborts; returns its last status. The rules stay in the kernel. */
export async function runAgent(run: AgentRun, signal: AbortSignal): Promise<Status> {
  const { settings, logger, version, once } = run;
  const { enable } = settings.plan;
  const toClose: { close(): void }[] = [];
  const opened = <Part extends { close(): void }>(part: Part): Part => {
    toClose.unshift(part);
    return part;
  };
  try {
    const surroundings = {
      now: processClock.now,
      random: () => Math.random(),
      wallClock: () => new Date(),
      ...timers,
    };
    const datapath = opened(NftablesDatapath.open());
    const interfaces = opened(new KernelAddresses());
    const cleaner = opened(new StaleFlowCleaner());
    const companions: CompanionFactory[] = [
      (agent) => new StaleFlowCompanion(agent, cleaner),
      podRouting(opened(new PodRouting()), watchRules),
    ];
    const host: TakenPortSource[] = [];
    if (enable.pod) {
      const watch = (onChange: () => void) => watchChains(datapath.portId, onChange);
      const { podnatController: old } = run;
      const isOwn = (chain: string) => old !== undefined && podnatOwner(old.prefix).isSign(chain);
      const rules = opened(new ForeignRules());
      host.push(
        opened(new KernelListeners(processClock)),
        await ForeignPorts.open(rules, watch, isOwn, signal),
      );
      companions.push(forwardGuard(opened(new ForwardChains()), watch, run.manageForward ?? true));
    }
    if (enable.egress) {
      host.push(new KernelReservedPorts(processClock));
      if (!once) companions.push(foreignTranslation((onChange) => watchChains(datapath.portId, onChange)));
    }
    if (run.conntrack !== undefined) companions.push(conntrackSettings(run.conntrack));
    if (run.podnatController !== undefined) {
      const { prefix, replace } = run.podnatController;
      companions.push(podnatController(opened(new IptablesChains(podnatOwner(prefix))), replace));
    }
    if (!once) {
      const table = new GoneTable(datapath, opened(new NftablesConnection()));
      companions.push(goneTableTidied(table));
      const { onEndpointGone } = run.flows ?? defaultFlowSettings;
      if (onEndpointGone === 'reset' && (enable.service || enable.pod)) {
        const ender = opened(new ConnectionEnder(table, () => surroundings.random()));
        companions.push((agent) => new GoneEndpointCompanion(agent, ender));
      }
    }
    if (!once) companions.push(...(await lastingCompanions(run, datapath, surroundings)));
    const agent = new Agent({
      settings,
      datapath,
      interfaces,
      host,
      lock: lockNamespace,
      guard: serviceGuard(run, opened(new KubeProxyRules()), surroundings, (onChange) =>
        watchChains(datapath.portId, onChange),
      ),
      logger,
      surroundings,
      version,
      processId: process.pid,
      companions,
    });
    await agent.run(signal, { once });
    return agent.status();
  } finally {
    for (const part of toClose) part.close();
  }
}

function serviceGuard(
  { settings, logger, besideKubeProxy = 'refuse', servicesLeft }: AgentRun,
  proxy: OtherProxy,
  surroundings: AgentSurroundings,
  watch: WatchRules,
): ServiceGuard | null {
  if (servicesLeft !== undefined) {
    return new ServicesLeft(proxy, { ...servicesLeft, watch, logger, surroundings });
  }
  if (!settings.plan.enable.service) return null;
  return new KubeProxyGuard(proxy, { replace: besideKubeProxy === 'replace', logger, surroundings });
}

/** Companions for an agent that keeps running (not `once`): they serve or report. */
async function lastingCompanions(
  run: AgentRun,
  datapath: Datapath,
  surroundings: LoopSurroundings,
): Promise<CompanionFactory[]> {
  const { settings, health = null, proxyHealth = null, tell } = run;
  const client = await clusterClient(run, surroundings);
  const companions = [
    ...[memory, kernelDifference(datapath), packetTraces],
    flowsForPeople(run.flows ?? defaultFlowSettings),
  ];
  if (settings.plan.enable.service) companions.push(serviceHealthChecks);
  if ((health ?? proxyHealth) !== null) companions.push(healthEndpoints(health, proxyHealth));
  const past = run.history === undefined ? null : { ...run.history, ask: askProcess(pastCommand) };
  companions.push(history(past, run.version), takenOverRules(datapath));
  if (run.whatIf !== undefined) companions.push(whatIfAnswers(run.whatIf));
  if (run.http !== undefined) companions.push(httpServers(run.http, client));
  if (client !== null && (tell?.nodeStatus || tell?.events)) {
    companions.push(clusterStatus({ client, ...tell }));
  }
  const store = await openStore(run.store, client);
  if (store !== null && run.store !== undefined) companions.push(publishedState(run.store.kind, store));
  return companions;
}

/** Null if no store is wanted, or no cluster can hold it. */
async function openStore(
  choice: StoreChoice | undefined,
  client: ApiClient | null,
): Promise<StateStore | null> {
  switch (choice?.kind) {
    case undefined:
      return null;
    case 'configmap': {
      if (client === null) return null;
      const { ConfigMapStore } = await import('../status/stores/config-map-store.ts');
      return new ConfigMapStore(client, choice.namespace, choice.node);
    }
    case 'webdav': {
      const { WebdavStore } = await import('../status/stores/webdav-store.ts');
      return new WebdavStore(choice.url, choice.node);
    }
    default:
      return choice satisfies never;
  }
}

/** Null if the source is no cluster, or its configuration is unusable; the source itself throws that error. */
async function clusterClient(
  { settings, version }: AgentRun,
  surroundings: LoopSurroundings,
): Promise<ApiClient | null> {
  if (settings.cluster === undefined) return null;
  const { openAccess } = await import('../kube-api/open-access.ts');
  try {
    return new ApiClient(await openAccess(settings.cluster), surroundings, `knat/${version}`);
  } catch (error) {
    if (error instanceof AccessError) return null;
    throw error;
  }
}

/**
 * Locks this network namespace; unprivileged processes cannot. Throws AgentRunning. If the kernel has no such lock,
 * only the agent's socket shows whether another agent runs. Without rights the datapath throws.
 */
function lockNamespace(): { release(): void } {
  const outcome = NamespaceLock.take();
  if (outcome === 'held') throw new AgentRunning();
  return typeof outcome === 'string' ? { release: () => {} } : outcome;
}
