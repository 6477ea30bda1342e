/** The program under the name of podnat-controller, against an API server, in the namespace of a node. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ClusterClient } from '../cluster/cluster-client.ts';
import { makeFolder, writeKubeconfig } from '../cluster/kubeconfig.ts';
import { namespace, node, pod } from '../cluster/manifests.ts';
import { until } from '../cluster/recorder.ts';
import { startSimulator } from '../cluster/start-cluster.ts';
import { podnatControllerState } from '../coexistence/podnat-controller-state.ts';
import { ip } from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';
import { type Ended, type Running, startKnat } from './knat.ts';

const client = ip('198.51.100.9');
const publicIP = ip('203.0.113.7');
const podIP = ip('10.244.1.5');
const otherPodIP = ip('10.244.1.6');
const outside = ip('198.51.100.80');

/** The rights of podnat-controller's chart: pods by a ClusterRole, ConfigMaps by a Role (a ClusterRole in this test). */
const rights = (name: string, resources: readonly string[], verbs: readonly string[]) => {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name };
  return [
    { apiVersion, kind: 'ClusterRole', metadata, rules: [{ apiGroups: [''], resources, verbs }] },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', name: 'knat', apiGroup }],
    },
  ];
};

function mailPod(name: string, nodeName: string, address: string, port: number) {
  return {
    ...pod(name, nodeName, JSON.stringify({ entries: [{ srcPort: port, dstPort: port }] })),
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

let stage: Stage;
let cluster: Awaited<ReturnType<typeof startSimulator>>;
let api: ClusterClient;
let folder: string;
let running: Running[] = [];

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [publicIP],
    sources: [client],
    targets: [
      { address: podIP, protocol: 'TCP', port: 25 },
      { address: otherPodIP, protocol: 'TCP', port: 587 },
      { address: outside, protocol: 'TCP', port: 25 },
    ],
  });
});

beforeEach(async () => {
  cluster = await startSimulator();
  api = new ClusterClient(cluster);
  folder = makeFolder();
  writeKubeconfig(folder, cluster, { token: cluster.knatToken });
  for (const each of [
    namespace('shop'),
    namespace('podnat'),
    ...rights('pods', ['pods'], ['get', 'list', 'watch']),
    ...rights('state', ['configmaps'], ['get', 'list', 'create', 'update']),
    node('a.x', String(publicIP)),
    node('b.x', '203.0.113.8'),
    mailPod('smtp', 'a.x', String(podIP), 25),
    mailPod('elsewhere', 'b.x', '10.244.2.5', 26),
  ]) {
    await api.create(each);
  }
});

afterEach(async () => {
  for (const each of running) {
    each.process.kill('SIGKILL');
    await each.ended;
  }
  running = [];
  await cluster.stop();
  rmSync(folder, { recursive: true });
  nft('flush ruleset');
  forgetConnections();
});

afterAll(() => stage.dispose());

function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  const started = startKnat(args, {
    executable: 'podnat-controller',
    environment: { KUBECONFIG: `${folder}/kubeconfig`, HOSTNAME: 'a', NAMESPACE: 'podnat', ...environment },
  });
  running.push(started);
  return started;
}

const ended = async (...args: Parameters<typeof start>): Promise<Ended> => await start(...args).ended;
const stateOf = async (name: string) => {
  const { status, body } = await api.request('GET', `/api/v1/namespaces/podnat/configmaps/${name}`);
  const data = body.data as Readonly<Record<string, string>> | undefined;
  return status === 200 ? JSON.parse(data?.['state.json'] ?? 'null') : null;
};
const dial = (port: number) => stage.dial({ source: client, address: publicIP, port, protocol: 'TCP' }, 900);
const writes = () => (cluster.simulator.requests ?? []).filter((line) => !line.startsWith('GET '));

/** The arguments that the chart of podnat-controller makes of `extraArgs: [-nodeID=…]`. */
const CHART = ['-logtostderr'];

test('with the arguments, the environment and the rights of the original chart: packets, state, health', async () => {
  const started = start(CHART);
  await started.errorsHave('"programmed"');
  expect(await dial(25)).toMatchObject({ outcome: 'answered', by: '10.244.1.5:25' });
  expect(await stage.dial({ source: podIP, address: outside, port: 25, protocol: 'TCP' }, 900)).toMatchObject(
    { sawSource: expect.stringMatching(/^203\.0\.113\.7:/) },
  );
  const state = await until(
    () => stateOf('podnat-controller-a'),
    (found) => found !== null,
  );
  expect(Object.keys(state)).toEqual(['203.0.113.7:25']);
  expect(state['203.0.113.7:25']).toMatchObject([{ Protocol: 'tcp', Comment: 'shop:smtp' }]);
  expect((await fetch('http://127.0.0.1:8484/healthz')).status).toBe(200);
  expect((await fetch('http://203.0.113.7:8484/healthz')).status).toBe(200);
  expect(listRuleset()).not.toContain('203.0.113.7 . tcp . 26');

  await api.create(mailPod('submission', 'a.x', String(otherPodIP), 587));
  await until(
    () => dial(587),
    ({ outcome }) => outcome === 'answered',
  );
  await until(
    () => stateOf('podnat-controller-a'),
    (found) => '203.0.113.7:587' in found,
    20_000,
  );
});

test('the chains of the original are taken over, in the name of its resource prefix', async () => {
  const rules = [
    {
      protocol: 'tcp',
      source: { address: '203.0.113.7', port: 25 },
      destination: { address: '10.244.1.5', port: 25 },
    },
  ] as const;
  execFileSync('iptables-nft-restore', {
    input: podnatControllerState({ rules, family: 'IPv4', prefix: 'mine' }),
  });
  expect(await dial(25)).toMatchObject({ by: '10.244.1.5:25' });
  const started = start([...CHART, '-resourcePrefix=mine', '-iptablesJump=1,1,1']);
  await started.errorsHave('took over from podnat-controller');
  await started.errorsHave('-iptablesjump is no longer needed');
  expect(listRuleset()).not.toContain('MINE_');
  expect(await dial(25)).toMatchObject({ by: '10.244.1.5:25' });
});

describe('which node it is', () => {
  test('a short name that two nodes have is refused with both', async () => {
    await api.create(mailPod('other', 'a.y', '10.244.3.5', 27));
    const { status, errors } = await ended(CHART);
    expect(status).toBe(2);
    expect(errors).toContain('a matches several nodes (a.x, a.y)');
    expect(listRuleset()).toBe('');
  });

  test('the full name means only that node; the states of the two do not collide', async () => {
    await api.create(mailPod('other', 'a.y', '10.244.3.5', 27));
    const started = start(CHART, { HOSTNAME: 'a.x' });
    await started.errorsHave('"programmed"');
    expect(listRuleset()).toContain('203.0.113.7 . tcp . 25');
    expect(listRuleset()).not.toContain('203.0.113.7 . tcp . 27');
    const state = await until(
      () => stateOf('podnat-controller-a.x'),
      (found) => found !== null,
    );
    expect(Object.keys(state)).toEqual(['203.0.113.7:25']);
    expect(await stateOf('podnat-controller-a')).toBe(null);
  });

  test('-nodeid comes before HOSTNAME; a name that no node has is reported', async () => {
    const { status, errors } = await ended(['-nodeID', 'zebra']);
    expect(status).toBe(2);
    expect(errors).toContain('no node is named zebra: the cluster has a.x, b.x');
    expect(errors).toContain('the name comes from -nodeid');
  });
});

test('-dryrun prints what would change and writes nothing, neither in the kernel nor in the cluster', async () => {
  const { status, output, errors } = await ended([...CHART, '-dryrun']);
  expect(status, errors).toBe(0);
  expect(output).toContain('203.0.113.7 . tcp . 25');
  expect(listRuleset()).toBe('');
  const before = writes().length;
  expect(await stateOf('podnat-controller-a')).toBe(null);
  expect(writes().length).toBe(before);
  expect(writes().filter((line) => /configmaps|nodenats|events/.test(line))).toEqual([]);
});

test.each(['-h', '--help', '-Help'])('%s explains each flag and ends with 0', async (flag) => {
  const { status, errors } = await ended([flag]);
  expect(status).toBe(0);
  expect(errors).toContain('Usage of podnat-controller:');
  expect(errors).toMatch(/-annotationkey string\n.*knat: --annotation-key \(default "bln\.space\/podnat"\)/);
});

test.each([
  [['-zebra'], 'flag provided but not defined: -zebra'],
  [['-firewallFlavor=pf'], 'invalid value "pf" for flag -firewallflavor: must be iptables or nftables'],
  [['-httpPort', 'x'], 'invalid value "x" for flag -httpPort: parse error'],
])('%j ends with 2 in the manner of Go', async (args, message) => {
  const { status, errors } = await ended(args);
  expect(status).toBe(2);
  expect(errors.split('\n')[0]).toBe(message);
  expect(errors).toContain('Usage of podnat-controller:');
});
