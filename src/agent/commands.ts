import { setTimeout as sleep } from 'node:timers/promises';
import { watchChains } from '../datapath/coexistence/chain-watch.ts';
import { ForeignRules } from '../datapath/coexistence/foreign-rules.ts';
import { ForwardChains } from '../datapath/coexistence/forward-chains.ts';
import { IptablesChains } from '../datapath/coexistence/iptables-chains.ts';
import { KubeProxyRules } from '../datapath/coexistence/kube-proxy.ts';
import { PodRouting } from '../datapath/coexistence/pod-routes.ts';
import { podnatOwner } from '../datapath/coexistence/podnat-controller-names.ts';
import type { ConntrackSettings } from '../datapath/conntrack/settings.ts';
import { StaleFlowCleaner } from '../datapath/conntrack/stale-flow-cleaner.ts';
import type { Preview } from '../datapath/datapath.ts';
import { NftablesDatapath } from '../datapath/nftables/nftables-datapath.ts';
import type { Status } from '../forms/status.ts';
import { AccessError } from '../kube-api/access.ts';
import { ApiClient } from '../kube-api/client.ts';
import type { ListenAddress } from '../observe/listening.ts';
import type { Logger } from '../observe/logger.ts';
import { noticeForm } from '../observe/status.ts';
import type { StateStore, StoreChoice } from '../status/stores/store.ts';
import { watchRoutes } from '../wire/route/monitor.ts';
import { Agent } from './agent.ts';
import type { CompanionFactory } from './companion.ts';
import { type ClusterToTell, clusterStatus } from './companions/cluster.ts';
import { conntrackSettings } from './companions/conntrack-settings.ts';
import { kernelDifference } from './companions/difference.ts';
import { flowsForPeople } from './companions/flows.ts';
import { healthEndpoints } from './companions/health.ts';
import { type HttpOptions, httpServers } from './companions/http.ts';
import { podRouting } from './companions/pod-routing.ts';
import { podnatController } from './companions/podnat-controller.ts';
import { publishedState } from './companions/published-state.ts';
import { serviceHealthChecks } from './companions/service-health.ts';
import { staleFlows } from './companions/stale-flows.ts';
import { takenOverRules } from './companions/taken-over.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import { defaultFlowSettings, type FlowSettings } from './flow-settings.ts';
import { ForeignPorts } from './foreign-ports.ts';
import { forwardGuard } from './forward-guard.ts';
import { type HostFactSource, hostFactsOf } from './host-facts.ts';
import { KernelListeners, type ListenerClock } from './host-listeners.ts';
import { KernelAddresses } from './interface-addresses.ts';
import { type KubeProxyPreview, kubeProxyPreview } from './kube-proxy-guard.ts';
import { lockNamespace } from './namespace-lock.ts';
import { planOnce } from './offline.ts';
import { KernelReservedPorts } from './reserved-ports.ts';
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
  /** podnat-controller's chains in this network namespace; absent: not looked for. */
  readonly podnatController?: PodnatControllerChoice;
  /** Where the bindings are published beside the NodeNAT object; absent: nowhere. */
  readonly store?: StoreChoice;
  /** Let translated packets through FORWARD chains that drop, instead of only telling of these; by default it is done. */
  readonly manageForward?: boolean;
  /** What connection tracking is set to; absent: nothing. */
  readonly conntrack?: ConntrackSettings;
  /** Where health is served; absent or null: nowhere. */
  readonly health?: ListenAddress | null;
  /** Where load balancers ask for kube-proxy's health: served too, once it has left the port; absent or null: nowhere. */
  readonly proxyHealth?: ListenAddress | null;
  /** What is shown over HTTP; absent: nothing. */
  readonly http?: HttpOptions;
  /** What is done with flows; absent: they are looked at alone. */
  readonly flows?: FlowSettings;
  /** What the cluster is told, where the source is one; absent: nothing. */
  readonly tell?: Omit<ClusterToTell, 'client'>;
}

export interface PodnatControllerChoice {
  /** Its `-resourceprefix`. */
  readonly prefix: string;
  /** Take its chains away when ours are in force, instead of reporting them. */
  readonly replace: boolean;
}
const clock: ListenerClock = {
  now: () => performance.now(),
  every: (milliseconds, task) => {
    const timer = setInterval(task, milliseconds);
    return () => clearInterval(timer);
  },
};

function watchRules(onChange: () => void): () => void {
  return watchRoutes(onChange, ['rule']);
}

/** Runs the agent until the signal aborts and gives its last status. What it programmed stays. */
export async function runAgent(run: AgentRun, signal: AbortSignal): Promise<Status> {
  const { settings, logger, version, once, replaceKubeProxy = false, health = null } = run;
  const datapath = NftablesDatapath.open();
  const interfaces = new KernelAddresses();
  const listeners = new KernelListeners(clock);
  const chains = new ForwardChains();
  const rules = new ForeignRules();
  const routing = new PodRouting();
  const flows = new StaleFlowCleaner();
  const kubeProxy = new KubeProxyRules();
  const oldController =
    run.podnatController === undefined ? null : new IptablesChains(podnatOwner(run.podnatController.prefix));
  try {
    const surroundings = {
      now: clock.now,
      random: () => Math.random(),
      wallClock: () => new Date(),
      sleep: async (milliseconds: number, until: AbortSignal) => {
        await sleep(milliseconds, undefined, { signal: until }).catch(() => {});
      },
    };
    const processId = process.pid;
    const client = once ? null : await clusterClient(run, surroundings);
    const companions: CompanionFactory[] = [staleFlows(flows), podRouting(routing, watchRules)];
    const host: HostFactSource[] = [];
    if (settings.plan.enable.pod) {
      const watch = (onChange: () => void) => watchChains(datapath.portId, onChange);
      const { podnatController: old } = run;
      const isOwn = (chain: string) => old !== undefined && podnatOwner(old.prefix).isSign(chain);
      host.push(listeners, await ForeignPorts.open(rules, watch, isOwn, signal));
      companions.push(forwardGuard(chains, watch, run.manageForward ?? true));
    }
    if (settings.plan.enable.egress) host.push(new KernelReservedPorts(clock));
    if (!once) companions.push(kernelDifference(datapath));
    if (!once) companions.push(flowsForPeople(run.flows ?? defaultFlowSettings));
    if (run.conntrack !== undefined) companions.push(conntrackSettings(run.conntrack));
    if (settings.plan.enable.service && !once) companions.push(serviceHealthChecks);
    const { proxyHealth = null } = run;
    if ((health ?? proxyHealth) !== null && !once) companions.push(healthEndpoints(health, proxyHealth));
    if (!once) companions.push(takenOverRules(datapath));
    if (run.http !== undefined && !once) companions.push(httpServers(run.http, client));
    if (client !== null && (run.tell?.nodeStatus || run.tell?.events)) {
      companions.push(clusterStatus({ client, ...run.tell }));
    }
    if (oldController !== null) {
      companions.push(podnatController(oldController, run.podnatController?.replace === true));
    }
    const store = once ? null : await openStore(run.store, client);
    if (store !== null && run.store !== undefined) companions.push(publishedState(run.store.kind, store));
    const agent = new Agent({
      ...{
        settings,
        datapath,
        interfaces,
        host,
        lock: lockNamespace,
        kubeProxy,
        replaceKubeProxy,
        logger,
        surroundings,
        version,
        processId,
        companions,
      },
    });
    await agent.run(signal, { once });
    return agent.status();
  } finally {
    oldController?.close();
    kubeProxy.close();
    flows.close();
    routing.close();
    rules.close();
    chains.close();
    listeners.close();
    interfaces.close();
    datapath.close();
  }
}

/** Null where no store is wanted, or where no cluster can hold it. */
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

/** Null where the source is no cluster, or where its configuration is of no use: the source says so too, and ends. */
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

/** What an agent would change, and what it could not do. */
export type AgentPreview = Preview &
  Pick<Status, 'problems' | 'notices' | 'conflicts'> & { readonly kubeProxy: KubeProxyPreview };

/** What an agent with these settings would change in the kernel; writes nothing. */
export async function previewAgent(
  settings: PlanSettings,
  replaceKubeProxy: boolean,
  signal: AbortSignal,
): Promise<AgentPreview> {
  const datapath = NftablesDatapath.open();
  const interfaces = new KernelAddresses();
  const listeners = new KernelListeners(clock);
  const rules = new KubeProxyRules();
  const foreign = new ForeignRules();
  try {
    const ports = await ForeignPorts.open(
      foreign,
      () => () => {},
      () => false,
      signal,
    );
    const host = hostFactsOf([listeners, ports, new KernelReservedPorts(clock)]);
    const { planner, problems } = await planOnce(settings, interfaces.current(), signal, host);
    const { plan } = planner;
    const preview = await datapath.preview(plan, signal);
    const kubeProxy = kubeProxyPreview(await rules.find(signal), {
      service: settings.plan.enable.service,
      replace: replaceKubeProxy,
    });
    const notices = [...plan.notices()].map(noticeForm);
    return { ...preview, kubeProxy, problems, notices, conflicts: [...plan.conflicts.values()] };
  } finally {
    listeners.close();
    foreign.close();
    rules.close();
    interfaces.close();
    datapath.close();
  }
}
