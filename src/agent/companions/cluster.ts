import type { ApiClient } from '../../kube-api/client.ts';
import { ClusterReporter } from '../../status/kube/cluster-reporter.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { NodeAccounts } from '../node-account.ts';
import { storeOutcomes } from './published-state.ts';

/** The API server that is told what was done, and by what. */
export interface ClusterToTell {
  readonly client: ApiClient;
  /** The NodeNAT of the node is kept. */
  readonly nodeStatus: boolean;
  /** Objects are told by Events. */
  readonly events: boolean;
}

/** Tells the cluster what the datapath reported as done: the NodeNAT of the node, and Events. */
export function clusterStatus(cluster: ClusterToTell): CompanionFactory {
  return (agent) => {
    const reporter = new ClusterReporter({
      ...cluster,
      node: agent.settings.nodeName,
      surroundings: agent.surroundings,
      debug: (line) => agent.logger.debug(line),
      trouble: (code, message) => agent.findings.trouble(code, message),
      outcome: cluster.nodeStatus ? storeOutcomes(agent, 'crd') : () => {},
      uidOf: (kind, key) => uidOf(agent, kind, key),
      account: accountsOf(agent),
    });
    const { metrics } = agent.observations;
    metrics.collect('knat_events_waiting', (set) => set({}, reporter.events.waiting));
    metrics.follow('knat_events_dropped_total', () => reporter.events.dropped);
    return {
      name: 'the cluster is not told',
      run: (signal) => reporter.run(signal),
      delivered: (changes) => {
        for (const { kind, key, fact } of changes) {
          if (kind === 'Node' && key === agent.settings.nodeName) reporter.nodeIs(fact?.uid ?? null);
        }
      },
      changed: () => reporter.changed(),
    };
  };
}

function uidOf({ planner }: AgentFacts, kind: string, key: string): string | null {
  const found = kind === 'Pod' ? planner.pods.get(key) : planner.services.get(key);
  return found === undefined || found.uid === '' ? null : found.uid;
}

function accountsOf(agent: AgentFacts) {
  const accounts = new NodeAccounts();
  return () => {
    const status = { ...agent.status(), problems: agent.findings.forCluster() };
    return accounts.of(status, agent.planner.plan, agent.reportedRevision);
  };
}
