import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import { Reflector } from '../../src/sources/kube/reflector.ts';
import { ResourceObjects } from '../../src/sources/kube/resource-objects.ts';
import type { Resource } from '../../src/sources/kube/resources.ts';
import { defaultTimings } from '../../src/sources/kube/timings.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import type { Cluster } from './cluster.ts';
import { ClusterClient } from './cluster-client.ts';
import { makeFolder, writeKubeconfig } from './kubeconfig.ts';
import { pool } from './manifests.ts';
import { until } from './recorder.ts';
import { QUICK } from './stage.ts';
import { isReal, startCluster } from './start-cluster.ts';

/**
 * One kind alone, listed in both ways. Nothing but definitions is needed, so that a server of these alone
 * (apiextensions-apiserver) can stand for the whole one.
 */

const NAMES = Array.from({ length: 7 }, (_, index) => `p${index}`);

let cluster: Cluster;
let client: ClusterClient;
let folder: string;
let kubeconfig: string;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  client = new ClusterClient(cluster);
  folder = makeFolder();
  kubeconfig = writeKubeconfig(folder, cluster, { token: cluster.adminToken });
  await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
}, 180_000);

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  for (const name of [...NAMES, 'new']) await client.remove(pool(name, '', 'knat.dev/v1'));
});

afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly held: Map<string, unknown>;
  readonly removed: string[];
  readonly debug: string[];
  synced: number;
}

async function start(optional: boolean): Promise<Run> {
  const run: Run = { held: new Map(), removed: [], debug: [], synced: 0 };
  const resource: Resource = {
    kind: 'IPPool',
    group: 'knat.dev',
    version: 'v1',
    plural: 'ippools',
    optional,
  };
  const surroundings = {
    now: () => performance.now(),
    random: () => 0.5,
    sleep: async (milliseconds: number, signal: AbortSignal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
  };
  const objects = new ResourceObjects(
    resource,
    { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} },
    {
      apply: (changes) => {
        for (const { key, fact } of changes) {
          if (fact !== null) run.held.set(key, fact);
          else if (run.held.delete(key)) run.removed.push(key);
        }
      },
      report: () => {},
    },
  );
  const access = await openAccess({ kubeconfig, environment: {} });
  const reflector = new Reflector({
    resource,
    client: new ApiClient(access, surroundings),
    objects,
    listener: {
      synced: () => {
        run.synced++;
      },
      trouble: () => {},
      interrupted: () => {},
      debug: (line) => run.debug.push(line),
    },
    surroundings,
    timings: { ...defaultTimings, ...QUICK },
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  stops.push(async () => {
    stop.abort();
    await ended;
  });
  return run;
}

const keys = ({ held }: Run) => [...held.keys()].sort();

test.each([
  ['a streaming list', false],
  ['pages', true],
])(
  'by %s: all objects, changes, a restart of the server',
  async (_, optional) => {
    for (const [at, name] of NAMES.entries())
      await client.create(pool(name, `10.${at}.0.0/16`, 'knat.dev/v1'));
    const run = await start(optional);
    await until(
      () => run.synced,
      (count) => count === 1,
    );
    expect(keys(run)).toEqual(NAMES);
    // Nothing was refused, and so it was the one way and not the other; a real server may not know streaming lists.
    const isRefused = (line: string) => isReal && /Forbidden/.test(line);
    expect(run.debug.filter((line) => !isRefused(line))).toEqual([]);

    await client.put(pool('p0', '10.100.0.0/16', 'knat.dev/v1'));
    await client.remove(pool('p1', '', 'knat.dev/v1'));
    await until(
      () => [keys(run).join(), JSON.stringify(run.held.get('p0'))],
      ([names = '', changed = '']) => !names.includes('p1') && changed.includes('10.100.0.0'),
    );

    const restarted = cluster.restart();
    await restarted;
    await client.remove(pool('p2', '', 'knat.dev/v1'));
    await client.create(pool('new', '10.101.0.0/16', 'knat.dev/v1'));
    await until(
      () => keys(run),
      (names) => names.includes('new') && !names.includes('p2'),
    );
    expect(run.removed).toEqual(['p1', 'p2']);
    expect(run.synced).toBe(1);
  },
  120_000,
);
