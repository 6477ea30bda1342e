import type { Status } from '../../forms/status.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import type { PodBinding } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { type NodeAccount, type Programmed, programmedOf } from '../../status/kube/account.ts';
import { ClusterReporter } from '../../status/kube/cluster-reporter.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { BindingsInForce } from './bindings-in-force.ts';
import { storeOutcomes } from './published-state.ts';

export interface ClusterToTell {
  readonly client: ApiClient;
  readonly nodeStatus: boolean;
  readonly events: boolean;
}

/** Reports what the datapath reported as done: the NodeNAT of the node, and Events. */
export function clusterStatus(cluster: ClusterToTell): CompanionFactory {
  return (agent) => {
    const accounts = new NodeAccounts();
    const bindings = new BindingsInForce();
    const reporter = new ClusterReporter({
      ...cluster,
      node: agent.settings.nodeName,
      surroundings: agent.surroundings,
      debug: (line) => agent.logger.debug(line),
      trouble: (code, message) => agent.findings.trouble(code, message),
      outcome: cluster.nodeStatus ? storeOutcomes(agent, 'crd') : () => {},
      uidOf: (kind, key) => uidOf(agent, kind, key),
      account: () => {
        const status = { ...agent.status(), problems: agent.findings.forCluster() };
        return accounts.of(status, agent.planner.plan, agent.reportedRevision, bindings.list);
      },
    });
    const { metrics } = agent.observations;
    metrics.collect('knat_events_waiting', (set) => set({}, reporter.events.waiting));
    metrics.follow('knat_events_dropped_total', () => reporter.events.dropped);
    return {
      name: 'the cluster gets no reports',
      run: (signal) => reporter.run(signal),
      delivered: (changes) => {
        for (const { kind, key, fact } of changes) {
          if (kind === 'Node' && key === agent.settings.nodeName) reporter.nodeIs(fact?.uid ?? null);
        }
      },
      converged: (outcome) => bindings.follow(outcome),
      changed: () => reporter.changed(),
    };
  };
}

function uidOf({ planner }: AgentFacts, kind: string, key: string): string | null {
  const found = kind === 'Pod' ? planner.pods.get(key) : planner.services.get(key);
  return found === undefined || found.uid === '' ? null : found.uid;
}

/** Reports what the datapath reported as done, and remembers it while the kernel is behind the plan. */
export class NodeAccounts {
  #done: Programmed | null = null;

  /** Null while a report would be incomplete: the source is being read and has no problem, or the kernel is behind. */
  of(
    status: Status,
    plan: NatPlan,
    reported: number | null,
    bindings: readonly PodBinding[],
  ): NodeAccount | null {
    const { synced, failure, problems } = status;
    if (reported !== null && plan.revision === reported) this.#done = programmedOf(plan, bindings);
    else if (failure === null) {
      const isSourceWell = !problems.some(({ object }) => object === null);
      if (synced || isSourceWell) return null;
    }
    return {
      node: status.node,
      version: status.version,
      capabilities: status.capabilities,
      enabled: status.enabled,
      servicesLeft: status.kubeProxy?.keepsServices ?? false,
      source: status.source,
      synced,
      programmed: this.#done,
      failure: failure?.message ?? null,
      problems,
    };
  }
}
