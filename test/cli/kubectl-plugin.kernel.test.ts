/**
 * `kubectl knat` as a user runs it: the real kubectl against the simulator, whose exec runs the built program in a network
 * namespace with a real agent. The user's side is not in that namespace, and has no agent of its own.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { toolPath } from '../../scripts/generate/helm.ts';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import type { Manifest } from '../cluster/cluster-client.ts';
import { pod } from '../cluster/manifests.ts';
import { until } from '../cluster/recorder.ts';
import type { ExecRequest } from '../cluster/simulator/exec.ts';
import type { Simulator } from '../cluster/simulator/simulator.ts';
import { Stage } from '../cluster/stage.ts';
import { startSimulator } from '../cluster/start-cluster.ts';
import { nodeNatDefinition } from '../cluster/status-stage.ts';
import { type Ended, type Running, startKnat } from './knat.ts';
import { NODE, POD, serviceManifest } from './manifests.ts';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));

const LABELS = { 'app.kubernetes.io/name': 'knat', 'app.kubernetes.io/instance': 'knat' };

/** The rights that docs/kubectl-plugin.md requires. */
const RULES = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['get'] },
  { apiGroups: ['knat.dev'], resources: ['nodenats'], verbs: ['get', 'list'] },
];

let lab: Lab;
let host: Host;
let stage: Stage;
let simulator: Simulator;
let agent: Running;
let path: string;
let executed: ExecRequest[];
/** The processes in the agent's Pod, in the order of `executed`. */
let remote: ChildProcessWithoutNullStreams[];

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  const [first] = await lab.addHosts(['node1']);
  if (first === undefined) throw new Error('a host was asked for');
  host = first;
  const cluster = await startSimulator();
  simulator = cluster.simulator;
  simulator.executor = (request) => {
    executed.push(request);
    const child = execute(request);
    remote.push(child);
    return child;
  };
  stage = new Stage(cluster);
  await stage.client.create(nodeNatDefinition);
  const manifests = join(stage.folder, 'manifests');
  mkdirSync(manifests);
  writeFileSync(join(manifests, 'node.yaml'), NODE);
  writeFileSync(join(manifests, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
  writeFileSync(join(manifests, 'pod.yaml'), POD);
  const through = ['ip', 'netns', 'exec', host.namespace];
  agent = startKnat(['agent', '--source', `dir:${manifests}`, '--node', 'n1'], { through });
  await agent.errorsHave('"programmed"');
  const programs = join(stage.folder, 'bin');
  mkdirSync(programs);
  symlinkSync(toolPath('kubectl'), join(programs, 'kubectl'));
  path = `${programs}:${BIN}:${process.env.PATH}`;
}, 120_000);

/** The reference of a Pod to its DaemonSet. */
let owner: object;

/** Creates the DaemonSet as the chart does; returns the owner reference for its Pods. */
async function makeDaemonSet(namespace: string): Promise<object> {
  const container = { name: 'agent', image: 'knat' };
  const made = await stage.client.put({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'knat', namespace },
    spec: {
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: { hostNetwork: true, serviceAccountName: 'knat', containers: [container] },
      },
    },
  });
  const { uid } = made.metadata as { uid?: string };
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'knat', uid, controller: true };
}

beforeEach(async () => {
  owner = await makeDaemonSet('kube-system');
  executed = [];
  remote = [];
  await allow(RULES);
  await stage.client.put(agentPod('knat-n1', 'n1'));
  await stage.client.put(agentPod('knat-n2', 'n2'));
  await stage.client.put(pod('web-0', 'n1'));
});

afterEach(async () => {
  for (const each of await stage.client.list('/api/v1/pods')) {
    await stage.client.remove({ ...each, apiVersion: 'v1', kind: 'Pod' } as unknown as Manifest);
  }
});

afterAll(async () => {
  agent?.process.kill('SIGKILL');
  await agent?.ended;
  await stage?.close();
  lab?.dispose();
});

/** Runs the command in the agent's container, with a new terminal if the request asks for one. */
function execute({ command, tty }: ExecRequest) {
  const [program = '', ...words] = host.command(
    tty ? ['script', '-qec', command.join(' '), '/dev/null'] : command,
  );
  return spawn(program, words, { env: { PATH: `${BIN}:${process.env.PATH}`, KNAT_NODE: 'n1' } });
}

async function allow(rules: readonly object[]): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const metadata = { name: 'asker' };
  const apiVersion = `${group}/v1`;
  await stage.client.put({ apiVersion, kind: 'ClusterRole', metadata, rules });
  await stage.client.put({
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata,
    subjects: [{ kind: 'User', apiGroup: group, name: 'knat' }],
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'asker' },
  });
}

/** A Pod of the chart's DaemonSet that runs and is Ready. */
function agentPod(name: string, nodeName: string, status: object = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'kube-system',
      labels: LABELS,
      ownerReferences: [owner],
    } as Manifest['metadata'],
    spec: {
      nodeName,
      hostNetwork: true,
      serviceAccountName: 'knat',
      containers: [{ name: 'agent', image: 'knat' }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'agent', ready: true, state: { running: {} } }],
      ...status,
    },
  };
}

interface UserOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The command is run in a terminal. */
  readonly inTerminal?: boolean;
}

/** The user's input. */
async function kubectl(words: readonly string[], options: UserOptions = {}): Promise<Ended> {
  return await startKubectl(words, options).ended;
}

function startKubectl(words: readonly string[], options: UserOptions) {
  const command = ['kubectl', ...words];
  const [program = '', ...rest] =
    options.inTerminal === true ? ['script', '-qec', command.join(' '), '/dev/null'] : command;
  const environment = { PATH: path, KUBECONFIG: stage.kubeconfig, HOME: stage.folder, TERM: 'xterm' };
  const child = spawn(program, rest, { env: { ...environment, ...options.environment } });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.on('error', () => {});
  if (options.inTerminal !== true) child.stdin.end(options.input ?? '');
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output, errors }));
  });
  return { child, ended };
}

test('status asks the agent of the node named', async () => {
  const { status, output, errors } = await kubectl(['knat', 'status', '--node', 'n1']);
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output).toMatch(/^Node +n1$/m);
  expect(output).toMatch(/Planned +1 Service frontends/);
  expect(executed).toEqual([
    {
      namespace: 'kube-system',
      pod: 'knat-n1',
      container: 'agent',
      command: ['knat', 'status'],
      stdin: false,
      tty: false,
    },
  ]);
});

test('an agent that still reads its source: code and exit status reach the user', async () => {
  const [other] = await lab.addHosts(['reading']);
  if (other === undefined) throw new Error('a host was asked for');
  const kubeconfig = join(stage.folder, 'nowhere.yaml');
  const cluster = { server: 'http://127.0.0.1:1' };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'a', user: { token: 'x' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    }),
  );
  const through = ['ip', 'netns', 'exec', other.namespace];
  const source = ['--source', 'kubernetes', '--kubeconfig', kubeconfig];
  const reading = startKnat(['agent', ...source, '--node', 'n1'], { through });
  const usual = host;
  host = other;
  try {
    const question = ['explain', '--node', 'n1', '--from', '10.0.0.1', '--to', '10.0.0.2:80'];
    let asked = await kubectl(['knat', ...question]);
    for (let left = 60; left > 0 && asked.errors.includes('KNAT_AGENT_NOT_RUNNING'); left--) {
      asked = await kubectl(['knat', ...question]);
    }
    expect(asked.errors).toMatch(/still reading its source .*\(KNAT_SOURCE_READING\)/);
    expect(asked.status).toBe(5);
    for (const words of [['entries'], ['flows'], ['flows', '--ports']]) {
      const { status, errors } = await kubectl(['knat', ...words, '--node', 'n1', '--timeout', '30']);
      expect({ status, errors }).toEqual({
        status: 5,
        errors: expect.stringContaining('KNAT_SOURCE_READING'),
      });
    }
  } finally {
    host = usual;
    reading.process.kill('SIGKILL');
    await reading.ended;
  }
});

test('explain goes to the node of the Pod that sends, and asks the agent even where a source is set', async () => {
  const question = ['--from', 'pod/shop/web-0', '--to', 'svc/shop/web:http'];
  const reported = await kubectl(['knat', 'explain', ...question]);
  expect(reported).toMatchObject({ status: 0, errors: '' });
  expect(reported.output).toContain('Service shop/web');
  expect(executed[0]).toMatchObject({ pod: 'knat-n1', command: ['knat', 'explain', '--agent', ...question] });
});

test('many packets by a file of this machine, or by standard input', async () => {
  const file = join(stage.folder, 'flows.json');
  const flows = JSON.stringify([
    { sourceIP: '10.244.1.7', protocol: 'TCP', destIP: '10.96.0.10', destPort: 80 },
  ]);
  writeFileSync(file, flows);
  const words = ['knat', 'explain', '--node', 'n1', '-o', 'json', '--flows'];
  const byFile = await kubectl([...words, file]);
  expect(byFile).toMatchObject({ status: 0, errors: '' });
  expect(JSON.parse(byFile.output)).toMatchObject([{ verdict: 'dnat' }]);
  const byInput = await kubectl([...words, '-'], { input: flows });
  expect(byInput).toEqual(byFile);
  const absent = await kubectl([...words, '/does/not/exist']);
  expect(absent).toMatchObject({ status: 2, output: '' });
  expect(absent.errors).toContain('/does/not/exist cannot be read');
});

test("knat's exit status and messages are passed on, without those of kubectl", async () => {
  const wrong = await kubectl([
    'knat',
    'explain',
    '--node',
    'n1',
    '--from',
    '10.244.1.300',
    '--to',
    '10.96.0.10:80',
  ]);
  expect(wrong.status).toBe(2);
  expect(wrong.errors).toContain('(KNAT_INVALID_INPUT)');
  expect(wrong.errors).not.toContain('command terminated');
});

test('for flows, --pod finds the node and filters too', async () => {
  const { status } = await kubectl(['knat', 'flows', '-n', 'shop', '--pod', 'web-0']);
  expect(status).toBe(0);
  expect(executed[0]).toMatchObject({ pod: 'knat-n1', command: ['knat', 'flows', '--pod=shop/web-0'] });
});

test('in a terminal the command in the Pod has one too: colours, unless NO_COLOR', async () => {
  const colourful = await kubectl(['knat', 'status', '--node', 'n1'], { inTerminal: true });
  expect(colourful.status, colourful.output).toBe(0);
  expect(executed[0]).toMatchObject({ stdin: true, tty: true });
  expect(colourful.output).toContain('\u001b[32mmatches the plan');
  const plain = await kubectl(['knat', 'status', '--node', 'n1'], {
    inTerminal: true,
    environment: { NO_COLOR: '1' },
  });
  expect(plain.output).toContain('matches the plan');
  expect(plain.output).not.toContain('\u001b[3');
});

test('Ctrl-C in a terminal ends the command in the Pod, by its own terminal', async () => {
  const { child, ended } = startKubectl(['knat', 'flows', '--node', 'n1', '--watch'], { inTerminal: true });
  await until(
    async () => remote.length,
    (count) => count === 1,
    60_000,
  );
  const [inPod] = remote;
  if (inPod === undefined) throw new Error('nothing was executed');
  // Its terminal is in place once it has written to it.
  await once(inPod.stdout, 'data');
  const gone = once(inPod, 'close');
  child.stdin.write('\u0003');
  // 128 + SIGINT, from the terminal in the Pod, not from outside.
  expect(await gone).toEqual([130, null]);
  expect((await ended).status).toBe(130);
});

test('a signal ends kubectl, and then the plugin by the same signal', async () => {
  const watch = startKnat(['flows', '--node', 'n1', '--watch'], {
    executable: 'kubectl-knat',
    environment: { PATH: path, KUBECONFIG: stage.kubeconfig, HOME: stage.folder },
  });
  await until(
    async () => remote.length,
    (count) => count === 1,
    60_000,
  );
  const [inPod] = remote;
  if (inPod === undefined) throw new Error('nothing was executed');
  const gone = once(inPod, 'close');
  const exit = once(watch.process, 'exit');
  watch.process.kill('SIGTERM');
  expect(await exit).toEqual([null, 'SIGTERM']);
  await gone;
});

test('if the cluster has one agent, no name is needed; of several one has to be named', async () => {
  const several = await kubectl(['knat', 'status']);
  expect(several).toMatchObject({ status: 2, output: '' });
  expect(several.errors).toContain('agents run on 2 nodes');
  expect(several.errors).toContain('agents run on: n1, n2');
  await stage.client.remove(agentPod('knat-n2', 'n2'));
  expect((await kubectl(['knat', 'status'])).status).toBe(0);
});

test('an agent that is not Ready is asked, with a warning; one that does not run is not', async () => {
  const conditions = [{ type: 'Ready', status: 'False' }];
  await stage.client.setStatus(agentPod('knat-n1', 'n1', { conditions }));
  const unready = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(unready.status).toBe(0);
  expect(unready.errors).toContain('warning: the agent of node n1, Pod kube-system/knat-n1, is not Ready');
  const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } };
  const containerStatuses = [{ name: 'agent', ready: false, state }];
  await stage.client.setStatus(agentPod('knat-n1', 'n1', { conditions, containerStatuses }));
  const crashing = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(crashing).toMatchObject({ status: 4, output: '' });
  expect(crashing.errors).toContain('CrashLoopBackOff: back-off 40s');
  expect(crashing.errors).toContain('kubectl logs -n kube-system knat-n1 -c agent --previous');
});

test.each<[string, readonly string[], number, string]>([
  ['a node without agent', ['status', '--node', 'n9'], 4, 'no agent runs on node n9'],
  ['a Pod that is not there', ['status', '--pod', 'shop/absent'], 2, 'there is no Pod shop/absent'],
  ['other labels', ['status', '-l', 'app=x'], 4, 'no Pod here is an agent of knat: none has app=x'],
  [
    'a context that is not there',
    ['status', '--context', 'nowhere'],
    1,
    'context was not found for specified context: nowhere',
  ],
  ['a command that is elsewhere', ['verify', 'x.yaml'], 2, 'knat verify FILE --source kubernetes'],
  ['an option for manifests', ['explain', '--source=dir:x'], 2, '--source has no meaning for an agent'],
])('%s: a message that says so', async (_, words, status, message) => {
  const ended = await kubectl(['knat', ...words]);
  expect(ended).toMatchObject({ status, output: '' });
  expect(ended.errors).toContain(message);
  expect(executed).toEqual([]);
});

test('without the rights, the message names the missing verb', async () => {
  await allow(RULES.filter(({ resources }) => !resources.includes('pods/exec')));
  const noExec = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(noExec).toMatchObject({ status: 3, output: '' });
  expect(noExec.errors).toContain('needed: the verbs get and create on pods/exec in namespace kube-system');
  await allow([{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }, ...RULES.slice(0, 1)]);
  expect((await kubectl(['knat', 'status', '--node', 'n1'])).status).toBe(3);
  await allow(RULES.slice(1));
  const noList = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(noList.status).toBe(3);
  expect(noList.errors).toContain('needed: the verb list on pods in all namespaces');
  expect(noList.errors).toContain('--agent-namespace');
});

/** A Pod of a tenant that looks like the agent. */
function tenantPod(change: { metadata?: object; spec?: object }): Manifest {
  const real = agentPod('knat-n1', 'n1');
  return {
    ...real,
    metadata: { ...real.metadata, name: 'looks-like-it', ...change.metadata },
    spec: { ...(real.spec as object), ...change.spec },
  } as Manifest;
}

test('a Pod with the labels of the agent in a namespace of a tenant is never asked', async () => {
  const tenants = await makeDaemonSet('tenant');
  const metadata = { namespace: 'tenant', ownerReferences: [tenants] };
  await stage.client.put(tenantPod({ metadata }));
  expect((await kubectl(['knat', 'status', '--node', 'n1'])).status).toBe(0);
  expect(executed.map(({ namespace }) => namespace)).toEqual(['kube-system']);
  await stage.client.remove(agentPod('knat-n1', 'n1'));
  const refused = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(refused).toMatchObject({ status: 4, output: '' });
  expect(refused.errors).toContain('tenant/looks-like-it: namespace tenant is not known for agents');
  expect(executed).toHaveLength(1);
  // A node with such a Pod does not count as one with an agent.
  await stage.client.put(tenantPod({ metadata: { ...metadata, name: 'n9' }, spec: { nodeName: 'n9' } }));
  expect((await kubectl(['knat', 'status'])).status).toBe(0);
  expect(executed.map(({ pod }) => pod)).toEqual(['knat-n1', 'knat-n2']);
  // Either the operator names the namespace, or a binding of the cluster does.
  expect((await kubectl(['knat', 'status', '--node', 'n1', '--agent-namespace', 'tenant'])).status).toBe(0);
});

test('agents in another namespace are known by the binding of their service account', async () => {
  const reference = await makeDaemonSet('knat-system');
  await stage.client.remove(agentPod('knat-n1', 'n1'));
  await stage.client.put(tenantPod({ metadata: { namespace: 'knat-system', ownerReferences: [reference] } }));
  const group = 'rbac.authorization.k8s.io';
  await allow([...RULES, { apiGroups: [group], resources: ['clusterrolebindings'], verbs: ['list'] }]);
  expect((await kubectl(['knat', 'status', '--node', 'n1'])).status).toBe(4);
  const binding: Manifest = {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'knat', labels: LABELS },
    subjects: [{ kind: 'ServiceAccount', name: 'knat', namespace: 'knat-system' }],
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'knat' },
  };
  await stage.client.put(binding);
  expect((await kubectl(['knat', 'status', '--node', 'n1'])).status).toBe(0);
  expect(executed.map(({ namespace }) => namespace)).toEqual(['knat-system']);
  await stage.client.remove(binding);
});

test.each<[string, { metadata?: object; spec?: object }, string]>([
  ['no network of the node', { spec: { hostNetwork: false } }, "does not have the node's network"],
  ['no service account', { spec: { serviceAccountName: 'default' } }, 'no service account of its own'],
  ['no owner', { metadata: { ownerReferences: [] } }, 'no DaemonSet is its controller'],
  [
    'an owner of another kind',
    {
      metadata: {
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'knat', uid: 'u', controller: true },
        ],
      },
    },
    'no DaemonSet is its controller',
  ],
  [
    'labels that the owner does not select',
    { metadata: { labels: { 'app.kubernetes.io/name': 'knat' } } },
    'does not select it',
  ],
  ["another account than the owner's", { spec: { serviceAccountName: 'x' } }, 'has another service account'],
])('a Pod with %s is never asked', async (_, change, reason) => {
  await stage.client.remove(agentPod('knat-n1', 'n1'));
  await stage.client.put(tenantPod(change));
  const refused = await kubectl(['knat', 'status', '--node', 'n1']);
  expect(refused).toMatchObject({ status: 4, output: '' });
  expect(refused.errors).toContain(`kube-system/looks-like-it: `);
  expect(refused.errors).toContain(reason);
  expect(executed).toEqual([]);
});

test('without the right to read DaemonSets the agent is still asked', async () => {
  await allow(RULES.filter(({ resources }) => !resources.includes('daemonsets')));
  expect(await kubectl(['knat', 'status', '--node', 'n1'])).toMatchObject({ status: 0, errors: '' });
});

test('nodes lists the NodeNAT objects', async () => {
  await stage.client.put({ apiVersion: 'knat.dev/v1', kind: 'NodeNAT', metadata: { name: 'n1' } });
  const { status, output } = await kubectl(['knat', 'nodes', '-o', 'name']);
  expect({ status, output }).toEqual({ status: 0, output: 'nodenat.knat.dev/n1\n' });
});

test('without kubectl on the PATH it says so', async () => {
  const folder = join(stage.folder, 'node-only');
  mkdirSync(folder);
  symlinkSync(process.execPath, join(folder, 'node'));
  for (const tool of ['sh', 'dirname', 'readlink', 'basename'])
    symlinkSync(`/usr/bin/${tool}`, join(folder, tool));
  const { status, errors } = await startKnat(['status'], {
    executable: 'kubectl-knat',
    environment: { PATH: folder },
  }).ended;
  expect(status).toBe(3);
  expect(errors).toContain('there is no kubectl on the PATH');
});
