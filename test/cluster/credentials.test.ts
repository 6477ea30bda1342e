import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { writeKubeconfig } from './kubeconfig.ts';
import { node, service } from './manifests.ts';
import { until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import { type Running, Stage } from './stage.ts';
import { startSimulator } from './start-cluster.ts';

/** Credentials that expire, and where they come from. The simulator alone can make tokens come and go at once. */

let stage: Stage;
let simulator: Simulator;
const environment = { ...process.env };

beforeAll(async () => {
  const cluster = await startSimulator();
  simulator = cluster.simulator;
  stage = new Stage(cluster);
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
});

afterEach(async () => {
  process.env = { ...environment };
  simulator.users.add(stage.cluster.knatToken, 'knat');
  await stage.quiet();
});

afterAll(async () => {
  await stage.close();
});

async function synced(running: Running): Promise<Running> {
  await until(
    () => [running.sink.isSynced, ...running.sink.problems()],
    ([isSynced]) => isSynced === true,
  );
  return running;
}

async function expectAlive({ sink }: Running): Promise<void> {
  await stage.client.put(service('alive'));
  await until(
    () => sink.keys('Service'),
    (keys) => keys.includes('shop/alive'),
  );
  await stage.client.remove(service('alive'));
  await until(
    () => sink.keys('Service'),
    (keys) => !keys.includes('shop/alive'),
  );
}

test('an expired token in a kubeconfig: reported; the file is read anew', async () => {
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, { token: stage.cluster.knatToken });
  const running = await synced(stage.start({ access: { kubeconfig }, timings: { reportAfter: 0 } }));
  simulator.users.revoke(stage.cluster.knatToken);
  simulator.cutConnections();
  await until(
    () => running.sink.problems(),
    (found) => found.some((line) => line.includes('KNAT_API_UNAUTHORIZED')),
  );
  simulator.users.add('second-token', 'knat');
  writeKubeconfig(stage.folder, stage.cluster, { token: 'second-token' });
  await expectAlive(running);
  await until(
    () => running.sink.problems(),
    (found) => found.length === 0,
  );
});

describe('a service account', () => {
  const files = () => join(stage.folder, 'var/run/secrets/kubernetes.io/serviceaccount');

  test('its token is rotated', async () => {
    mkdirSync(files(), { recursive: true });
    writeFileSync(join(files(), 'ca.crt'), stage.cluster.authority);
    writeFileSync(join(files(), 'token'), stage.cluster.knatToken);
    process.env.KUBERNETES_SERVICE_HOST = '127.0.0.1';
    process.env.KUBERNETES_SERVICE_PORT = new URL(stage.cluster.url).port;
    const running = await synced(stage.start({ access: { serviceAccountRoot: stage.folder } }));
    simulator.users.add('rotated', 'knat');
    writeFileSync(join(files(), 'token'), 'rotated');
    simulator.users.revoke(stage.cluster.knatToken);
    simulator.cutConnections();
    await expectAlive(running);
    expect(running.sink.problems()).toEqual([]);
  });

  test('another address than the one that the environment names', async () => {
    process.env.KUBERNETES_SERVICE_HOST = '192.0.2.99';
    process.env.KUBERNETES_SERVICE_PORT = '1';
    writeFileSync(join(files(), 'token'), stage.cluster.knatToken);
    const access = { serviceAccountRoot: stage.folder, server: stage.cluster.url };
    await synced(stage.start({ access }));
  });
});

test('an exec plugin is asked again when its token is refused', async () => {
  const tokenFile = join(stage.folder, 'plugin-token');
  writeFileSync(tokenFile, stage.cluster.knatToken);
  const script = `const token = require('fs').readFileSync(${JSON.stringify(tokenFile)}, 'utf8');
    console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential',
      status: { token, expirationTimestamp: '2999-01-01T00:00:00Z' } }));`;
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
      interactiveMode: 'Never',
    },
  });
  const running = await synced(stage.start({ access: { kubeconfig } }));
  simulator.users.add('from-plugin', 'knat');
  writeFileSync(tokenFile, 'from-plugin');
  simulator.users.revoke(stage.cluster.knatToken);
  simulator.cutConnections();
  await expectAlive(running);
});

test('an exec plugin that fails is reported', async () => {
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nonexistent/plugin' },
  });
  const { sink } = stage.start({ access: { kubeconfig } });
  const problems = await until(
    () => sink.problems(),
    (found) => found.length > 0,
  );
  expect(problems[0]).toMatch(/no credentials for .*ENOENT/);
});
