import { afterAll, beforeAll, expect, test } from 'vitest';
import { planOnce } from '../../src/agent/offline.ts';
import { planSettings } from '../../src/cli/options/plan-settings.ts';
import { node, pod, pool, service, slice } from './manifests.ts';
import { Stage } from './stage.ts';
import { startCluster } from './start-cluster.ts';

/** The plan that the command line makes from a cluster: options → source → plan. */

let stage: Stage;

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  const { client } = stage;
  await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
  await client.create(node('node-a', '203.0.113.1'));
  await client.create(pool('pods', '10.9.0.0/16', 'knat.dev/v1'));
  await client.create({
    ...service('web'),
    spec: { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80 }] },
  });
  await client.create(slice('web-1', 'web', ['10.9.0.1', '10.9.0.2']));
  const annotation = '{"entries":[{"srcPort":8025,"dstPort":25}]}';
  const status = {
    phase: 'Running',
    podIP: '10.9.0.3',
    podIPs: [{ ip: '10.9.0.3' }],
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  await client.create({ ...pod('mail', 'node-a', annotation), status });
}, 180_000);

afterAll(async () => {
  await stage.close();
});

async function planKeys(enable: string): Promise<string[]> {
  const settings = await planSettings(
    {
      source: { kind: 'kubernetes' },
      kubeconfig: stage.kubeconfig,
      context: 'test',
      enable: {
        service: enable.includes('service'),
        pod: enable.includes('pod'),
        egress: enable.includes('egress'),
      },
    },
    { defaultNode: 'node-a', isOnce: true },
  );
  const named = { ...settings, nodeName: 'node-a' };
  const { planner, problems } = await planOnce(named, null, AbortSignal.timeout(20_000));
  expect(problems).toEqual([]);
  return [...planner.plan.entries()].map(({ key }) => key);
}

test('all three kinds', async () => {
  expect(await planKeys('service,pod,egress')).toEqual(
    expect.arrayContaining(['10.96.0.10:80/TCP', '203.0.113.1:8025/TCP']),
  );
});

test('one kind alone', async () => {
  const keys = await planKeys('pod');
  expect(keys).toContain('203.0.113.1:8025/TCP');
  expect(keys).not.toContain('10.96.0.10:80/TCP');
});
