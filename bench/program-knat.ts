import { NftablesDatapath } from '../src/datapath/nftables/nftables-datapath.ts';
import type { Host } from '../src/lab/host.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { enterNamespace } from '../test/netns/namespace.ts';
import { type BenchCluster, factsOf, nodeOf } from './cluster.ts';

/** Programs all Services and pools in this node's kernel. */
export async function programKnat(host: Host, clusters: readonly BenchCluster[]): Promise<void> {
  const leave = enterNamespace(host.namespace);
  try {
    const datapath = NftablesDatapath.open();
    const planner = new Planner(nodeOf(clusters), defaultPlanOptions);
    planner.apply(clusters.flatMap(factsOf));
    await datapath.converge(planner.update(), AbortSignal.timeout(300_000));
    datapath.close();
  } finally {
    leave();
  }
}
