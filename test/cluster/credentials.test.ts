import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AccessOptions } from '../../src/kube-api/access.ts';
import { kubeSource } from '../../src/sources/kube/kube-source.ts';
import type { SourceError } from '../../src/sources/source-error.ts';
import { writeKubeconfig, writeServiceAccount } from './kubeconfig.ts';
import { node } from './manifests.ts';
import { Recorder, until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import { Stage, synced } from './stage.ts';
import { startSimulator } from './start-cluster.ts';

/** Expiring credentials and their sources. Only the simulator can add and revoke tokens at once. */

let stage: Stage;
let simulator: Simulator;

beforeAll(async () => {
  const cluster = await startSimulator();
  simulator = cluster.simulator;
  stage = new Stage(cluster);
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
});

afterEach(async () => {
  simulator.users.add(stage.cluster.knatToken, 'knat');
  await stage.quiet();
});

afterAll(async () => {
  await stage.close();
});

test('an expired token in a kubeconfig is reported, and the file is read again', async () => {
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, { token: stage.cluster.knatToken });
  const running = await synced(
    stage.start({ access: { environment: {}, kubeconfig }, timings: { reportAfter: 0 } }),
  );
  simulator.users.revoke(stage.cluster.knatToken);
  simulator.cutConnections();
  await until(
    () => running.sink.problems(),
    (found) => found.some((line) => line.includes('KNAT_API_UNAUTHORIZED')),
  );
  simulator.users.add('second-token', 'knat');
  writeKubeconfig(stage.folder, stage.cluster, { token: 'second-token' });
  await stage.expectAlive(running);
  await until(
    () => running.sink.problems(),
    (found) => found.length === 0,
  );
});

describe('a service account', () => {
  test('its token is rotated', async () => {
    const token = writeServiceAccount(stage.folder, stage.cluster);
    const running = await synced(
      stage.start({
        access: {
          root: stage.folder,
          environment: {
            KUBERNETES_SERVICE_HOST: '127.0.0.1',
            KUBERNETES_SERVICE_PORT: new URL(stage.cluster.url).port,
          },
        },
      }),
    );
    simulator.users.add('rotated', 'knat');
    writeFileSync(token, 'rotated');
    simulator.users.revoke(stage.cluster.knatToken);
    simulator.cutConnections();
    await stage.expectAlive(running);
    expect(running.sink.problems()).toEqual([]);
  });

  test('another address than the one that the environment names', async () => {
    writeServiceAccount(stage.folder, stage.cluster);
    const environment = { KUBERNETES_SERVICE_HOST: '192.0.2.99', KUBERNETES_SERVICE_PORT: '1' };
    const access = { root: stage.folder, environment, server: stage.cluster.url };
    await synced(stage.start({ access }));
  });
});

test('an exec plugin runs again when its token is refused', async () => {
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
  const running = await synced(stage.start({ access: { environment: {}, kubeconfig } }));
  simulator.users.add('from-plugin', 'knat');
  writeFileSync(tokenFile, 'from-plugin');
  simulator.users.revoke(stage.cluster.knatToken);
  simulator.cutConnections();
  await stage.expectAlive(running);
});

test('an exec plugin that fails is reported', async () => {
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nonexistent/plugin' },
  });
  const { sink } = stage.start({ access: { environment: {}, kubeconfig } });
  const problems = await until(
    () => sink.problems(),
    (found) => found.length > 0,
  );
  expect(problems[0]).toMatch(/no credentials for .*ENOENT/);
});

describe('no usable configuration', () => {
  const messageOf = async (access: AccessOptions) => {
    const source = kubeSource({
      nodeName: 'node-a',
      enable: { service: true, pod: true, egress: true },
      access,
    });
    return await source.run(new Recorder(), AbortSignal.timeout(5000)).then(
      () => 'ran',
      (error: unknown) => `${(error as SourceError).code}: ${(error as Error).message}`,
    );
  };
  const environment = {};

  test('nothing at all', async () => {
    expect(await messageOf({ environment, root: stage.folder.concat('/none') })).toBe(
      'KNAT_KUBECONFIG: no cluster is configured: there is no kubeconfig and no service account token',
    );
  });

  test('an absent file, and one that is not a kubeconfig', async () => {
    expect(await messageOf({ environment, kubeconfig: '/nonexistent/config' })).toMatch(
      /^KNAT_KUBECONFIG: \/nonexistent\/config cannot be used: ENOENT/,
    );
    const path = join(stage.folder, 'broken');
    writeFileSync(path, 'a: [');
    expect(await messageOf({ environment, kubeconfig: path })).toMatch(
      /^KNAT_KUBECONFIG: .*broken cannot be used/,
    );
  });

  test('a context that is not in it', async () => {
    expect(await messageOf({ environment, kubeconfig: stage.kubeconfig, context: 'other' })).toBe(
      'KNAT_KUBECONFIG: the kubeconfig has no context "other": it has test',
    );
  });

  test('a server that is no URL', async () => {
    expect(await messageOf({ environment, kubeconfig: stage.kubeconfig, server: '10.0.0.1:6443' })).toBe(
      'KNAT_KUBECONFIG: the server "10.0.0.1:6443" is no URL: write https://ADDRESS:PORT',
    );
  });
});

test('a source with a time limit gives up', async () => {
  const { port } = new URL(stage.cluster.url);
  const kubeconfig = writeKubeconfig(stage.folder, stage.cluster, { token: stage.cluster.knatToken });
  const server = `https://localhost:${port}/nowhere`;
  const started = kubeSource({
    nodeName: 'node-a',
    enable: { service: true, pod: false, egress: false },
    access: { environment: {}, kubeconfig, server },
    giveUpAfter: 1500,
  }).run(new Recorder(), new AbortController().signal);
  await expect(started).rejects.toMatchObject({
    code: 'KNAT_API_MISSING',
    message: expect.stringContaining('does not serve v1 nodes'),
  });
});
