import type { Manifest } from '../../cluster/cluster-client.ts';
import { until } from '../../cluster/recorder.ts';
import type { FaultKind } from '../fault.ts';
import { anchors } from '../scene.ts';
import type { World } from '../world.ts';

/** The agent's default `--health-address`. */
const HEALTH = 'http://127.0.0.1:10256/healthz';
const PATIENCE = 30_000;

/** The autoscaler is about to remove the node, and then is not: load balancers are told, and no NAT changes. */
export const nodeLeaves: FaultKind = {
  name: 'node leaves',
  async run(world, random) {
    const node = anchors.find(({ kind }) => kind === 'Node');
    if (node === undefined) throw new Error('there is no Node');
    const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
    await put(world, { ...node, spec: { taints } });
    try {
      await world.change(random);
      await answers(503);
    } finally {
      await put(world, node);
    }
    await answers(200);
    return { dials: 'none' };
  },
};

async function put({ store }: World, manifest: Manifest): Promise<void> {
  await store.change({ manifest, isGone: false, anew: false });
}

async function answers(wanted: number): Promise<void> {
  const status = async () => {
    const answer = await fetch(HEALTH, { headers: { Connection: 'close' } }).catch(() => null);
    await answer?.text();
    return answer?.status ?? 0;
  };
  const found = await until(status, (one) => one === wanted, PATIENCE).catch(status);
  if (found !== wanted) throw new Error(`/healthz answers ${found} instead of ${wanted}`);
}
