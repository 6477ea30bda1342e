import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { toolPath } from '../../scripts/generate/helm.ts';
import { fixedAccount, fixedBinding, fixedProgrammed } from './accounts.ts';
import type { Cluster } from './cluster.ts';
import { makeFolder, writeKubeconfig } from './kubeconfig.ts';
import { node, pod, pool, service } from './manifests.ts';
import { until } from './recorder.ts';
import { Stage } from './stage.ts';
import { startCluster, unlessReal } from './start-cluster.ts';
import { eventsOf, ReporterRun } from './status-stage.ts';

/** The output of kubectl for a person, and installation with kubectl and helm: the real programs. */

let cluster: Cluster;
let stage: Stage;
let folder: string;
let reporter: ReporterRun;

/** `/version` of the server. */
interface Version {
  readonly minor: string;
  readonly gitVersion: string;
}

/** Of `kubeVersion` in Chart.yaml. */
const CHART_MINOR = Number(/>=1\.(\d+)/.exec(readFileSync('charts/knat/Chart.yaml', 'utf8'))?.[1]);

interface Run {
  readonly code: number;
  readonly output: string;
  readonly complaint: string;
}

async function run(tool: 'kubectl' | 'helm', ...args: string[]): Promise<Run> {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    KUBECONFIG: join(folder, 'kubeconfig'),
    KUBECACHEDIR: join(folder, 'cache'),
  };
  return await new Promise((resolve) => {
    execFile(toolPath(tool), args, { env, timeout: 60_000 }, (error, output, complaint) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output, complaint });
    });
  });
}

async function done(tool: 'kubectl' | 'helm', ...args: string[]): Promise<string> {
  const { code, output, complaint } = await run(tool, ...args);
  expect(`${complaint}${code}`, `${tool} ${args.join(' ')}`).toMatch(/0$/);
  return output;
}

const kubectl = (...args: string[]) => done('kubectl', ...args);

beforeAll(async () => {
  cluster = await startCluster();
  stage = new Stage(cluster);
  folder = makeFolder();
  writeKubeconfig(folder, cluster, { token: cluster.adminToken });
}, 180_000);

afterAll(async () => {
  await reporter?.stop();
  await stage.close();
  rmSync(folder, { recursive: true });
});

test('kubectl apply of the plain manifests, twice: everything is created, then nothing changes', async () => {
  // Definitions first, as the installation page says: an object needs its kind.
  const first = await kubectl('apply', '-f', 'charts/knat/crds/');
  expect(first.trim().split('\n').sort()).toEqual([
    'customresourcedefinition.apiextensions.k8s.io/egressrules.knat.dev created',
    'customresourcedefinition.apiextensions.k8s.io/ippools.knat.dev created',
    'customresourcedefinition.apiextensions.k8s.io/nodenats.knat.dev created',
  ]);
  const made = await kubectl('apply', '-f', 'deploy/knat.yaml');
  expect(made).toMatch(/^namespace\/knat-system created$/m);
  expect(made).toMatch(/^daemonset.apps\/knat created$/m);
  const again = await kubectl('apply', '-f', 'deploy/knat.yaml');
  expect(again.split('\n').filter((line) => line !== '' && !line.endsWith('unchanged'))).toEqual([]);
  const serverSide = ['apply', '--server-side', '--force-conflicts', '-f', 'charts/knat/crds/'];
  expect(await kubectl(...serverSide)).toMatch(/nodenats\.knat\.dev serverside-applied/);
}, 120_000);

describe("knat's reports", () => {
  beforeAll(async () => {
    await stage.prepare();
    await stage.client.put(node('node-a', '192.0.2.1'));
    await stage.client.put(service('web'));
    await stage.client.put(pod('mail', 'node-a'));
    const bindings = [fixedBinding(25)];
    const counts = { ...fixedProgrammed.counts, bindings: 1 };
    const account = { ...fixedAccount, programmed: { ...fixedProgrammed, counts, bindings } };
    reporter = await ReporterRun.start(stage, account);
    await until(
      () => eventsOf(stage, 'mail'),
      (events) => events.length === 1,
    );
    await until(
      async () => (await run('kubectl', 'get', 'nodenat', 'node-a', '-o', 'name')).code,
      (code) => code === 0,
    );
  }, 120_000);

  test('kubectl get nodenat, by all of its names', async () => {
    const columns = /^NAME +NODE +MODE +SERVICES +BINDINGS +POOLS +CONFLICTS +READY +AGE$/;
    const row = /^(nodenat\.knat\.dev\/)?node-a +node-a +nftables +2 +1 +1 +0 +True +\d+[smh]/;
    for (const name of ['nodenat', 'nodenats', 'nodenats.knat.dev', 'knat']) {
      const [head, ...rows] = (await kubectl('get', name)).trim().split('\n');
      expect(head?.trim(), name).toMatch(columns);
      expect(rows.find((line) => line.includes('node-a')) ?? '').toMatch(row);
    }
  });

  test('kubectl get nodenat -o yaml is the object', async () => {
    const object = parse(await kubectl('get', 'nodenat', 'node-a', '-o', 'yaml'));
    expect(object).toMatchObject({
      apiVersion: 'knat.dev/v1',
      kind: 'NodeNAT',
      status: { node: 'node-a', bindings: [{ address: '192.0.2.1', port: 25 }] },
    });
  });

  test('kubectl get and describe of the other kinds: columns, and the content of the object', async () => {
    await stage.client.put(pool('pool-1', '10.244.0.0/16', 'knat.dev/v1'));
    const [head, row] = (await kubectl('get', 'ippools.knat.dev')).trim().split('\n');
    expect(head?.trim()).toMatch(/^NAME +CIDR +NAT +DISABLED +AGE$/);
    expect(row?.trim()).toMatch(/^pool-1 +10\.244\.0\.0\/16 +true +.*\d+[smh]$/);
    expect(await kubectl('describe', 'ippools.knat.dev', 'pool-1')).toMatch(/Cidr: +10\.244\.0\.0\/16/);
    const described = await kubectl('describe', 'nodenat', 'node-a');
    expect(described).toMatch(/Kind: +NodeNAT/);
    expect(described).toMatch(/Address: +192\.0\.2\.1/);
  });

  test('kubectl describe shows the Pod its Event', async () => {
    const text = await kubectl('describe', 'pod', 'mail', '-n', 'shop');
    expect(text).toMatch(
      /Normal +NatApplied +.* +knat\.dev\/agent +192\.0\.2\.1:25\/TCP goes to 10\.1\.0\.5:25/,
    );
  });
});

test.skipIf(unlessReal('helm', 'it does not read the protobuf in which Helm sends Secrets'))(
  'helm install, upgrade and uninstall',
  async ({ skip }) => {
    const { minor, gitVersion } = (await stage.client.request('GET', '/version')).body as unknown as Version;
    if (!(Number.parseInt(minor, 10) >= CHART_MINOR)) {
      const reason = `the chart is for 1.${CHART_MINOR} and later, the server is ${gitVersion}`;
      console.info(`skipped with this API server: helm: ${reason}`);
      skip(reason);
    }
    const place = ['-n', 'knat-helm'];
    const options = ['--set', 'fullnameOverride=knat-helm'];
    const install = ['install', 'knat', 'charts/knat', ...place, '--create-namespace', ...options];
    expect(await done('helm', ...install, '--dry-run=server')).toContain('kind: DaemonSet');
    expect((await run('kubectl', 'get', 'namespace', 'knat-helm')).complaint).toContain('not found');
    await done('helm', ...install);
    const get = ['get', 'daemonset', 'knat-helm', ...place, '-o', 'yaml'];
    expect(await kubectl(...get)).not.toContain('--log-level=debug');
    await done('helm', 'upgrade', 'knat', 'charts/knat', ...place, ...options, '--set', 'log.level=debug');
    expect(await kubectl(...get)).toContain('--log-level=debug');
    expect(await done('helm', 'list', ...place)).toMatch(/knat\s+knat-helm\s+2\s.*deployed/);
    await done('helm', 'uninstall', 'knat', ...place);
    expect((await run('kubectl', ...get)).complaint).toContain('not found');
    // The definitions stay, and the objects of their kinds with them.
    expect(await kubectl('get', 'crd', 'nodenats.knat.dev', '-o', 'name')).toContain('nodenats.knat.dev');
  },
  240_000,
);
