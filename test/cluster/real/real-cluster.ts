import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificates } from '../certificates.ts';
import type { Cluster } from '../cluster.ts';

/** Milliseconds that a server may take until it is ready. */
const PATIENCE = 120_000;

/**
 * etcd and kube-apiserver on loopback, with a folder of their own that goes with them: no controllers, no kubelets.
 *
 * @param assets folder with both programs
 */
export async function startRealCluster(assets: string): Promise<Cluster> {
  for (const name of ['etcd', 'kube-apiserver']) {
    if (!existsSync(join(assets, name)))
      throw new Error(`KUBEBUILDER_ASSETS: there is no ${name} in ${assets}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'knat-cluster-'));
  const certificates = makeCertificates();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const accountKey = file('accounts.key', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const tokens = file('tokens.csv', tokenTable('knat-token'));
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const etcd = new Program(join(assets, 'etcd'), join(folder, 'etcd.log'), [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
  ]);
  const server = new Program(join(assets, 'kube-apiserver'), join(folder, 'kube-apiserver.log'), [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${file('server.crt', certificates.serverCertificate)}`,
    `--tls-private-key-file=${file('server.key', certificates.serverKey)}`,
    `--token-auth-file=${tokens}`,
    `--client-ca-file=${file('ca.crt', certificates.authority)}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default',
    `--service-account-key-file=${accountKey}`,
    `--service-account-signing-key-file=${accountKey}`,
    '--service-cluster-ip-range=10.96.0.0/12,fd00:96::/112',
    // The endpoints of the service `kubernetes` would be this server, and loopback is refused for endpoints.
    '--endpoint-reconciler-type=none',
    // This plugin needs accounts that a controller creates, and no controller runs here.
    '--disable-admission-plugins=ServiceAccount',
    '--allow-privileged=true',
  ]);
  const url = `https://127.0.0.1:${port}`;
  const start = async () => {
    server.start();
    await untilReady(url, certificates.authority, [etcd, server]);
  };
  const restart = async (how?: 'SIGTERM' | 'SIGKILL') => {
    await server.stop(how);
    await start();
  };
  const stop = async () => {
    await server.stop();
    await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    etcd.start();
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kind: 'kube-apiserver',
    url,
    authority: certificates.authority,
    adminToken: 'admin-token',
    knatToken: 'knat-token',
    clientCertificate: certificates.clientCertificate,
    clientKey: certificates.clientKey,
    simulator: null,
    restart,
    compact: () => compact(etcdUrl),
    replaceToken: async (token) => {
      // The file is read once.
      file('tokens.csv', tokenTable(token));
      await restart('SIGKILL');
    },
    stop,
  };
}

/** A program that runs until it is stopped, and ends with this process. */
class Program {
  readonly #path: string;
  readonly #log: string;
  readonly #options: readonly string[];
  #process: ChildProcess | null = null;

  constructor(path: string, log: string, options: readonly string[]) {
    this.#path = path;
    this.#log = log;
    this.#options = options;
  }

  get hasEnded(): boolean {
    const child = this.#process;
    // Without a process id it never began.
    return child?.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  }

  /** The end of what it wrote. */
  get lastWords(): string {
    if (!existsSync(this.#log)) return '';
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
  }

  start(): void {
    const output = openSync(this.#log, 'a');
    const child = spawn(this.#path, this.#options, { stdio: ['ignore', output, output] });
    closeSync(output);
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    child.on('error', () => process.off('exit', kill));
    this.#process = child;
  }

  async stop(how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === null || this.hasEnded) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(how);
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(killer);
  }
}

/** Token, name, uid and groups of each user. */
function tokenTable(knatToken: string): string {
  return `admin-token,admin,admin,"system:masters"\n${knatToken},knat,knat\n`;
}

/** Has etcd forget all versions but the present one, by the JSON form of its API; numbers are texts there. */
async function compact(etcdUrl: string): Promise<void> {
  const ask = async (path: string, question: object): Promise<{ header?: { revision?: string } }> => {
    const answer = await fetch(etcdUrl + path, { method: 'POST', body: JSON.stringify(question) });
    if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { header?: { revision?: string } };
  };
  const { header } = await ask('/v3/maintenance/status', {});
  await ask('/v3/kv/compaction', { revision: header?.revision, physical: true });
}

async function untilReady(url: string, ca: string, programs: readonly Program[]): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline && !programs.some(({ hasEnded }) => hasEnded)) {
    if ((await statusOf(`${url}/readyz`, ca)) === 200) return;
    await sleep(200);
  }
  const words = programs.map(({ lastWords }) => lastWords).join('\n');
  throw new Error(`kube-apiserver did not become ready:\n${words}`);
}

async function statusOf(url: string, ca: string): Promise<number> {
  return await new Promise((resolve) => {
    const headers = { Authorization: 'Bearer admin-token' };
    const asked = request(url, { ca, headers, agent: false, timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(0));
    asked.end();
  });
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
