import { Environment } from '@marcbachmann/cel-js';
import { describe, expect, test } from 'vitest';
import { CHART, helm, NAMESPACE } from '../../scripts/generate/helm.ts';
import { commands } from '../../src/cli/commands/declarations.ts';
import { longName } from '../../src/cli/options/table.ts';
import { wantedResources } from '../../src/sources/kube/resources.ts';
import { REVIEW_PATH } from '../../src/webhook/server.ts';
import { type Manifest, render } from './rendered.ts';

/** The admission webhook in the chart. */

const ON = ['--set', 'webhook.enabled=true'];

interface Condition {
  readonly name: string;
  readonly expression: string;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly service: Readonly<Record<string, unknown>>; readonly caBundle?: string };
  readonly failurePolicy: string;
  readonly sideEffects: string;
  readonly timeoutSeconds: number;
  readonly namespaceSelector: {
    readonly matchExpressions: readonly { readonly values: readonly string[] }[];
  };
  readonly matchConditions: readonly Condition[];
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly operations: readonly string[];
  }[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

async function objects(...args: string[]): Promise<(kind: string) => Manifest | undefined> {
  const all = await render(...args);
  return (kind) => all.find((each) => each.kind === kind && each.metadata.name === 'knat-webhook');
}

async function webhooks(...args: string[]): Promise<readonly Webhook[]> {
  const of = await objects(...ON, ...args);
  const found = of('ValidatingWebhookConfiguration') as unknown as { webhooks: readonly Webhook[] };
  return found.webhooks;
}

const environment = new Environment()
  .registerVariable('request', 'dyn')
  .registerVariable('object', 'dyn')
  .registerVariable('oldObject', 'dyn');

/** Whether the API server would ask this webhook. */
function asks(
  { matchConditions }: Webhook,
  oldObject: object | null,
  object: object | null,
  username = 'alice',
): boolean {
  const operation = oldObject === null ? 'CREATE' : object === null ? 'DELETE' : 'UPDATE';
  const variables = { request: { userInfo: { username, groups: [] }, operation }, object, oldObject };
  return matchConditions.every(({ expression }) => environment.parse(expression)(variables) === true);
}

test('it is off unless it is switched on, and off during a clean-up', async () => {
  expect((await objects())('Deployment')).toBeUndefined();
  expect((await objects(...ON, '--set', 'cleanup.enabled=true'))('Deployment')).toBeUndefined();
  expect((await objects(...ON))('Deployment')).toBeDefined();
});

test('podnat-controller has no webhook', async () => {
  const values = 'webhook.enabled=true,program=podnat-controller';
  const { status, complaint } = await helm('template', 'knat', CHART, '--set', values);
  expect([status, complaint]).toEqual([1, expect.stringContaining('webhook.enabled needs program: knat')]);
});

test.each([
  { name: 'all kinds', values: 'service.cidrs={10.96.0.0/12},service.kubeProxyConfigMap=kube-proxy' },
  { name: 'policies', values: 'podNat.policy.ports={25},http.address=0.0.0.0,tls.secretName=tls' },
  { name: 'no Services', values: 'service.enabled=false,podNat.state.flavor=configmap' },
])('the program takes the options: $name', async ({ values }) => {
  const deployment = (await objects(...ON, '--set', values))('Deployment') as unknown as {
    spec: { template: { spec: { containers: [{ args: string[] }] } } };
  };
  const [command, ...args] = deployment.spec.template.spec.containers[0].args;
  const declared = commands.find(({ name }) => name === command);
  const known = declared?.options.flatMap((option) => {
    const long = typeof option === 'string' ? `--${longName(option)}` : (option.long ?? '');
    return [long, long.replace('--', '--no-')];
  });
  const given = args.map((arg) => arg.replace(/=.*/, ''));
  expect(given.filter((option) => known?.includes(option) !== true)).toEqual([]);
  expect(given).toEqual(
    expect.arrayContaining(['--source', '--enable', '--secret', '--service', '--configuration']),
  );
});

describe('how the API server asks', () => {
  test('it never waits long, never fails for want of an answer, and finds the Service', async () => {
    const of = await objects(...ON);
    expect(of('Service')).toBeDefined();
    for (const each of await webhooks()) {
      expect(each).toMatchObject({ failurePolicy: 'Ignore', sideEffects: 'None', timeoutSeconds: 2 });
      const service = { name: 'knat-webhook', namespace: NAMESPACE, path: REVIEW_PATH, port: 443 };
      expect(each.clientConfig).toEqual({ service });
    }
  });

  test('kube-system, the own namespace and excluded ones are left out, in every entry', async () => {
    for (const each of await webhooks('--set', 'webhook.excludedNamespaces={batch}')) {
      const [expression] = each.namespaceSelector.matchExpressions;
      expect(expression?.values).toEqual(['kube-system', 'kube-node-lease', NAMESPACE, 'batch']);
    }
  });

  test('nodes, the control plane and its controllers are not asked about', async () => {
    const [first] = await webhooks();
    const users = {
      alice: true,
      'system:serviceaccount:argocd:controller': true,
      'system:node:worker-1': false,
      'system:kube-controller-manager': false,
      'system:serviceaccount:kube-system:endpointslice-controller': false,
      [`system:serviceaccount:${NAMESPACE}:knat`]: false,
    };
    for (const [user, isAsked] of Object.entries(users)) {
      expect(asks(first as Webhook, null, { metadata: {} }, user), user).toBe(isAsked);
    }
  });

  test('Pods: a changed annotation or changed labels, with and without any before', async () => {
    const pods = (await webhooks()).find(({ name }) => name.startsWith('pods.')) as Webhook;
    const pod = (annotations?: object, labels?: object) => ({
      metadata: { name: 'a', ...(annotations && { annotations }), ...(labels && { labels }) },
    });
    const nat = { 'bln.space/podnat': '{}' };
    expect(asks(pods, pod(), pod())).toBe(false);
    expect(asks(pods, pod({ other: 'a' }), pod({ other: 'b' }))).toBe(false);
    expect(asks(pods, pod(nat, { a: 'b' }), pod({ ...nat, other: 'b' }, { a: 'b' }))).toBe(false);
    expect(asks(pods, pod(), pod(nat))).toBe(true);
    expect(asks(pods, pod(nat), pod())).toBe(true);
    expect(asks(pods, pod(nat), pod({ 'bln.space/podnat': '[]' }))).toBe(true);
    expect(asks(pods, pod(nat, { a: 'b' }), pod(nat, { a: 'c' }))).toBe(true);
    expect(asks(pods, pod(nat), pod(nat, { a: 'c' }))).toBe(true);
  });

  test('Pods: the configured annotation', async () => {
    const all = await webhooks('--set', 'podNat.annotationKey=example.org/nat');
    const pods = all.find(({ name }) => name.startsWith('pods.')) as Webhook;
    const bare = { metadata: {} };
    const annotated = (key: string) => ({ metadata: { annotations: { [key]: '{}' } } });
    expect(asks(pods, bare, annotated('bln.space/podnat'))).toBe(false);
    expect(asks(pods, bare, annotated('example.org/nat'))).toBe(true);
  });

  test('Namespaces: changed labels, and deletions', async () => {
    const namespaces = (await webhooks()).find(({ name }) => name.startsWith('namespaces.')) as Webhook;
    const labelled = (labels: object) => ({ metadata: { name: 'shop', labels } });
    expect(asks(namespaces, labelled({ a: 'b' }), labelled({ a: 'b' }))).toBe(false);
    expect(asks(namespaces, labelled({ a: 'b' }), labelled({ a: 'c' }))).toBe(true);
    expect(asks(namespaces, labelled({}), null)).toBe(true);
  });

  test('every kind of object that the plan reads is asked about, but Nodes', async () => {
    const asked = (await webhooks()).flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources }) =>
        apiGroups.flatMap((group) => resources.map((resource) => `${resource}.${group}`)),
      ),
    );
    const read = wantedResources(null, { service: true, pod: true, egress: true });
    const missing = read.filter(({ plural, group }) => !asked.includes(`${plural}.${group}`));
    expect(missing.map(({ kind }) => kind)).toEqual(['Node']);
  });
});

describe('rights', () => {
  test.each([
    { service: true, pod: true, egress: true },
    { service: false, pod: true, egress: false },
    { service: true, pod: false, egress: false },
  ])('what the source lists, and nothing else is read: %j', async (enable) => {
    const values = `service.enabled=${enable.service},podNat.enabled=${enable.pod},egress.enabled=${enable.egress}`;
    const of = await objects(...ON, '--set', values);
    const rules = of('ClusterRole')?.rules as readonly Rule[];
    const lists = rules.filter(({ verbs }) => verbs.includes('list'));
    const may = lists.flatMap(({ apiGroups, resources }) =>
      apiGroups.flatMap((group) => resources.map((resource) => `${resource}.${group}`)),
    );
    const wanted = wantedResources(null, enable).map(({ plural, group }) => `${plural}.${group}`);
    expect(wanted.filter((each) => !may.includes(each))).toEqual([]);
    const writes = rules.filter(({ verbs }) => verbs.some((verb) => !['list', 'watch'].includes(verb)));
    expect(writes).toEqual([
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['validatingwebhookconfigurations'],
        resourceNames: ['knat-webhook'],
        verbs: ['get', 'update'],
      },
    ]);
  });

  test('one Secret, by its name, which an upgrade leaves alone', async () => {
    const of = await objects(...ON);
    expect(of('Role')?.rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['knat-webhook'], verbs: ['get', 'update'] },
    ]);
    expect(of('Secret')).toBeDefined();
    expect(of('Secret')?.data).toBeUndefined();
  });

  test('the container is nobody, and the DaemonSet does not select it', async () => {
    const all = await render(...ON);
    const [deployment, daemonSet] = ['Deployment', 'DaemonSet'].map(
      (kind) => all.find((each) => each.kind === kind)?.spec,
    ) as { selector: { matchLabels: object }; template: { metadata: { labels: object }; spec: object } }[];
    expect(deployment?.template.spec).toMatchObject({
      securityContext: { runAsNonRoot: true },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
    });
    expect(deployment?.template.metadata.labels).not.toMatchObject(daemonSet?.selector.matchLabels ?? {});
  });

  test('a PodDisruptionBudget only for several replicas', async () => {
    expect((await objects(...ON))('PodDisruptionBudget')?.spec).toMatchObject({ maxUnavailable: 1 });
    expect((await objects(...ON, '--set', 'webhook.replicas=1'))('PodDisruptionBudget')).toBeUndefined();
  });
});
