import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Manifest } from './cluster-client.ts';
import { node, pod, pool, service, slice } from './manifests.ts';
import { until } from './recorder.ts';
import type { Snapshot } from './simulator/store.ts';
import { type Running, Stage } from './stage.ts';
import { startCluster } from './start-cluster.ts';

/**
 * Random objects are created, changed and removed during random faults; when nothing changes any more, the facts equal
 * the server's objects. KNAT_CHURN_SECONDS and KNAT_CHURN_SEED set length and start of the series.
 */

const SECONDS = Number(process.env.KNAT_CHURN_SECONDS ?? 8);
const SEED = Number(process.env.KNAT_CHURN_SEED ?? Date.now() % 1_000_000);

let stage: Stage;
let backup: Snapshot | null = null;

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
  await stage.client.define('crd.projectcalico.org', 'v1', 'ippools', 'IPPool');
  await stage.client.define('knat.dev', 'v1', 'ippools', 'IPPool');
}, 180_000);

afterAll(async () => {
  await stage.close();
});

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The expected facts, from the server's objects. */
async function expected(): Promise<string[]> {
  const { client } = stage;
  const lines: string[] = [];
  for (const { metadata, spec } of await client.list('/api/v1/services')) {
    const { ports } = spec as { ports: { port: number }[] };
    lines.push(`Service ${metadata.namespace}/${metadata.name} ${ports.map(({ port }) => port).join()}`);
  }
  for (const { metadata, endpoints } of await client.list('/apis/discovery.k8s.io/v1/endpointslices')) {
    const all = (endpoints ?? []) as { addresses: string[] }[];
    const of = metadata.labels?.['kubernetes.io/service-name'];
    if (of === undefined) continue;
    const addresses = all.map((each) => each.addresses[0]).join();
    lines.push(`EndpointSlice ${metadata.namespace}/${metadata.name} ${addresses}`);
  }
  for (const { metadata, spec } of await client.list('/api/v1/pods')) {
    if ((spec as { nodeName: string }).nodeName !== 'node-a') continue;
    lines.push(`Pod ${metadata.namespace}/${metadata.name}`);
  }
  const pools = new Map<string, string>();
  for (const group of ['knat.dev', 'crd.projectcalico.org']) {
    for (const { metadata, spec } of await client.list(`/apis/${group}/v1/ippools`)) {
      pools.set(metadata.name, (spec as { cidr: string }).cidr);
    }
  }
  for (const [name, cidr] of pools) lines.push(`IPPool ${name} ${cidr}`);
  for (const { metadata } of await client.list('/api/v1/nodes')) lines.push(`Node ${metadata.name}`);
  for (const { metadata } of await client.list('/api/v1/namespaces'))
    lines.push(`Namespace ${metadata.name}`);
  return lines.sort();
}

function actual({ sink }: Running): string[] {
  const lines: string[] = [];
  for (const [id, fact] of sink.facts) {
    if (fact === null) continue;
    if ('clusterIPs' in fact) lines.push(`${id} ${fact.ports.map(({ port }) => port).join()}`);
    else if ('serviceName' in fact) {
      lines.push(`${id} ${fact.endpoints.map(({ address }) => address).join()}`);
    } else if ('cidr' in fact) lines.push(`${id} ${fact.cidr.address}/${fact.cidr.length}`);
    else lines.push(id);
  }
  return lines.sort();
}

/** Compares the facts with the server while nothing changes. */
async function expectEqual(running: Running): Promise<void> {
  const wanted = await expected();
  const text = JSON.stringify(wanted);
  await until(
    () => JSON.stringify(actual(running)),
    (found) => found === text,
    15_000,
  ).catch(() => {});
  expect(actual(running)).toEqual(wanted);
}

test(
  `random objects and faults for ${SECONDS} s, seed ${SEED}`,
  async () => {
    const random = randomFrom(SEED);
    const below = (limit: number) => Math.floor(random() * limit);
    const name = () => `x${below(8)}`;
    const manifests: readonly (() => Manifest)[] = [
      () => service(name(), 1 + below(9)),
      () =>
        slice(
          name(),
          name(),
          Array.from({ length: below(4) }, () => `10.9.0.${below(250)}`),
        ),
      () => pod(name(), below(2) === 0 ? 'node-a' : 'node-b'),
      () => pool(name(), `10.${below(250)}.0.0/16`),
      () => pool(name(), `10.${below(250)}.0.0/16`, 'knat.dev/v1'),
    ];
    const { client, cluster } = stage;
    const running = stage.start({
      timings: { watchIdle: 800, listIdle: 800, watchSecondsLeast: 1, watchSecondsMost: 3 },
    });
    const change = async () => {
      const manifest = manifests[below(manifests.length)]?.();
      if (manifest === undefined) return;
      // Most fields of a pod cannot be changed.
      if (manifest.kind === 'Pod' || below(3) === 0) await client.remove(manifest);
      if (below(3) > 0) await client.put(manifest);
    };
    const end = Date.now() + SECONDS * 1000;
    let rounds = 0;
    while (Date.now() < end) {
      for (let count = below(12); count > 0; count--) await change();
      await strike(below, cluster.simulator);
      for (let count = below(12); count > 0; count--) await change();
      if (rounds++ % 5 === 4) {
        cluster.simulator?.faults.clear();
        await expectEqual(running);
      }
    }
    cluster.simulator?.faults.clear();
    await expectEqual(running);
    expect(running.sink.isSynced).toBe(true);
  },
  SECONDS * 1000 + 60_000,
);

async function strike(
  below: (limit: number) => number,
  simulator: Stage['cluster']['simulator'],
): Promise<void> {
  if (simulator === null) {
    if (below(20) === 0) await stage.cluster.restart();
    return;
  }
  const { faults, store } = simulator;
  const plurals = ['services', 'endpointslices', 'pods', 'ippools', 'nodes'];
  const plural = plurals[below(plurals.length)] ?? '';
  switch (below(12)) {
    case 0:
      return simulator.cutConnections();
    case 1:
      store.compact();
      return simulator.cutConnections();
    case 2:
      return await simulator.restart(below(100));
    case 3:
      faults.cutNextEvent.add(plural);
      return;
    case 4:
      faults.stalled.add(plural);
      return;
    case 5:
      faults.late.set(plural, below(200));
      return;
    case 6:
      faults.refuse(1 + below(3), (kinds) => kinds.unavailable(0), { plural });
      return simulator.cutConnections();
    case 7:
      faults.refuse(1 + below(3), (kinds) => kinds.expiredList(), { plural });
      return simulator.cutConnections();
    case 8:
      faults.noStreamingLists = below(2) === 0;
      store.compact();
      return simulator.cutConnections();
    case 9:
      faults.tinyChunks = !faults.tinyChunks;
      return;
    case 10: {
      // Longer than the longest wait between two attempts, so that the outage is seen.
      const older = backup;
      backup = store.snapshot();
      return await simulator.restart(400, older ?? backup);
    }
    default:
      return simulator.expireLists();
  }
}
