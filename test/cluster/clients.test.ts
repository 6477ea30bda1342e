import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { AccessOptions } from '../../src/kube-api/access.ts';
import { ConnectProxy } from './connect-proxy.ts';
import { Gate } from './gate.ts';
import { writeKubeconfig, writeServiceAccount } from './kubeconfig.ts';
import { node, service } from './manifests.ts';
import { until } from './recorder.ts';
import { SocksProxy } from './socks-proxy.ts';
import { type Running, Stage, synced } from './stage.ts';
import { startCluster } from './start-cluster.ts';

/** Every way to reach a server and to authenticate: kubeconfigs, and a pod's files. The simulator, or a real server. */

let stage: Stage;
let proxy: ConnectProxy;
let socks: SocksProxy;
/** Of an address that the server's certificate does not name. */
let elsewhere: Gate;
const base64 = (text: string) => Buffer.from(text).toString('base64');

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
  proxy = await ConnectProxy.open();
  socks = await SocksProxy.open();
  elsewhere = await Gate.open(stage.cluster.url, '127.0.0.2');
}, 180_000);

afterEach(() => stage.quiet());

afterAll(async () => {
  proxy?.close();
  socks?.close();
  elsewhere?.close();
  await stage?.close();
});

function file(name: string, text: string): string {
  const path = join(stage.folder, name);
  writeFileSync(path, text);
  return path;
}

/** A program that prints credentials, as an exec plugin. */
function plugin(status: object): object {
  const apiVersion = 'client.authentication.k8s.io/v1';
  const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
  const args = ['-e', `console.log(${JSON.stringify(credential)})`];
  return { exec: { apiVersion, command: process.execPath, args, interactiveMode: 'Never' } };
}

function kubeconfig(user: object, where: object = {}): AccessOptions {
  return { environment: {}, kubeconfig: writeKubeconfig(stage.folder, stage.cluster, user, where) };
}

/** Checks that the source is in sync and receives changes. */
async function expectAlive(running: Running): Promise<void> {
  await stage.expectAlive(await synced(running));
}

const noAuthority = { 'certificate-authority-data': undefined };

const ways: readonly (readonly [string, () => AccessOptions])[] = [
  ['a token', () => kubeconfig({ token: stage.cluster.knatToken })],
  ['a token in a file', () => kubeconfig({ tokenFile: file('token', `${stage.cluster.knatToken}\n`) })],
  [
    'a token in a file beside the kubeconfig, which has priority over `token`',
    () => {
      file('token', stage.cluster.knatToken);
      return kubeconfig({ tokenFile: 'token', token: 'worth nothing' });
    },
  ],
  [
    '`token` beside an absent token file',
    () => kubeconfig({ tokenFile: 'none', token: stage.cluster.knatToken }),
  ],
  [
    'a client certificate',
    () => {
      const { clientCertificate, clientKey } = stage.cluster;
      return kubeconfig({
        'client-certificate-data': base64(clientCertificate),
        'client-key-data': base64(clientKey),
      });
    },
  ],
  [
    'files for client certificate, key and authority',
    () => {
      const { authority, clientCertificate, clientKey } = stage.cluster;
      file('client.crt', clientCertificate);
      file('client.key', clientKey);
      file('ca.crt', authority);
      return kubeconfig(
        { 'client-certificate': 'client.crt', 'client-key': 'client.key' },
        { ...noAuthority, 'certificate-authority': 'ca.crt' },
      );
    },
  ],
  [
    'no authority, and nothing is verified',
    () =>
      kubeconfig(
        { token: stage.cluster.knatToken },
        { ...noAuthority, 'insecure-skip-tls-verify': true, server: elsewhere.url },
      ),
  ],
  [
    'another name than the address for TLS',
    () =>
      kubeconfig(
        { token: stage.cluster.knatToken },
        { server: elsewhere.url, 'tls-server-name': 'kubernetes.default.svc' },
      ),
  ],
  [
    'a server that is known by its address alone',
    () =>
      kubeconfig(
        { token: stage.cluster.knatToken },
        { server: elsewhere.url, 'tls-server-name': '127.0.0.1' },
      ),
  ],
  ['an exec plugin that gives a token', () => kubeconfig(plugin({ token: stage.cluster.knatToken }))],
  [
    'an exec plugin that gives a certificate',
    () => {
      const { clientCertificate, clientKey } = stage.cluster;
      return kubeconfig(plugin({ clientCertificateData: clientCertificate, clientKeyData: clientKey }));
    },
  ],
  [
    "a pod's service account",
    () => {
      writeServiceAccount(stage.folder, stage.cluster);
      const { hostname, port } = new URL(stage.cluster.url);
      return {
        root: stage.folder,
        environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      };
    },
  ],
];

test.each(ways)('%s', async (_, access) => {
  await expectAlive(stage.start({ access: access() }));
});

test('a proxy', async () => {
  await expectAlive(
    stage.start({ access: kubeconfig({ token: stage.cluster.knatToken }, { 'proxy-url': proxy.url }) }),
  );
  expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(stage.cluster.url).host]));
});

test('a SOCKS proxy, which looks the name up', async () => {
  const { port } = new URL(stage.cluster.url);
  const where = {
    server: `https://localhost:${port}`,
    'proxy-url': `socks5://knat:p%3Aw@127.0.0.1:${socks.port}`,
  };
  await expectAlive(stage.start({ access: kubeconfig({ token: stage.cluster.knatToken }, where) }));
  expect(new Set(socks.tunnels)).toEqual(new Set([`localhost:${port}`]));
});

test.each([
  ['another authority', () => ({ 'certificate-authority-data': base64(stage.cluster.clientCertificate) })],
  ['an address that the certificate does not name', () => ({ server: elsewhere.url })],
])('%s: refused, and reported', async (_, where) => {
  const { sink } = stage.start({ access: kubeconfig({ token: stage.cluster.knatToken }, where()) });
  const problems = await until(
    () => sink.problems(),
    (found) => found.length > 0,
  );
  expect(problems.join('\n')).toMatch(/KNAT_API_UNAVAILABLE/);
  expect(problems.join('\n')).toMatch(/certificate|altnames/i);
  expect(sink.isSynced).toBe(false);
});

test('an expired token that is replaced in its file: no object is lost, and no problem stays', async () => {
  const token = file('token', stage.cluster.knatToken);
  const gate = await Gate.open(stage.cluster.url);
  try {
    const running = stage.start({ access: kubeconfig({ tokenFile: token }, { server: gate.url }) });
    await expectAlive(running);
    await stage.cluster.replaceToken('next-token');
    gate.cut();
    await until(
      () => running.sink.problems(),
      (found) => found.some((line) => line.includes('KNAT_API_UNAUTHORIZED')),
    );
    await stage.client.put(service('meanwhile'));
    file('token', 'next-token');
    await until(
      () => running.sink.keys('Service'),
      (keys) => keys.includes('shop/meanwhile'),
    );
    await until(
      () => running.sink.problems(),
      (found) => found.length === 0,
    );
    expect(running.sink.removed.filter((id) => id !== 'Service shop/alive')).toEqual([]);
  } finally {
    gate.close();
  }
}, 120_000);
