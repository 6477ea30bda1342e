import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from './cluster-client.ts';
import { node, pod, readDefinition, service, slice } from './manifests.ts';
import { until } from './recorder.ts';
import { Stage } from './stage.ts';
import { startCluster, unlessSimulated } from './start-cluster.ts';
import { type RunningWebhook, WebhookStage } from './webhook-stage.ts';

/** `kubectl apply` against an API server that calls the webhook over TLS, as the chart configures it. */

const isSkipped = unlessSimulated('the webhook', 'its Service has no address on this host');

let scene: WebhookStage;

const web: Manifest = {
  ...service('web'),
  spec: { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
};

const EXPECTATIONS = `
node: node-a
expectations:
  - name: the shop answers
    protect: true
    from: 198.51.100.9
    to: 10.96.0.10:80
    verdict: dnat
  - name: nobody cares
    from: 198.51.100.9
    to: 10.96.0.10:80
    reaches: [10.244.1.11:8080]
`;

/** Waits until the replica is ready, and the API server trusts it. */
async function ready({ statusPort }: RunningWebhook): Promise<void> {
  const status = async () =>
    await new Promise<number>((resolve) => {
      get({ host: '127.0.0.1', port: statusPort, path: '/readyz', agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      }).on('error', () => resolve(0));
    });
  await until(status, (code) => code === 200);
}

async function metrics({ statusPort }: RunningWebhook): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: statusPort, path: '/metrics', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

/** How many reviews ended in which way. */
async function outcomes(replica: RunningWebhook): Promise<Record<string, number>> {
  const found = (await metrics(replica)).matchAll(/^knat_webhook_reviews_total\{outcome="(.+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, outcome, count]) => [outcome, Number(count)]));
}

/** The warnings that kubectl printed. */
function warningsIn(complaint: string): string[] {
  return complaint
    .split('\n')
    .filter((line) => line.startsWith('Warning: '))
    .map((line) => line.slice('Warning: '.length));
}

beforeAll(async () => {
  if (isSkipped) return;
  scene = new WebhookStage(new Stage(await startCluster()));
  await scene.install();
  const { client } = scene.stage;
  for (const plural of ['ippools', 'egressrules']) await client.serve(readDefinition(plural));
  for (const [name, address] of [
    ['node-a', '192.0.2.1'],
    ['node-b', '192.0.2.2'],
  ] as const) {
    await client.create(node(name, address));
  }
  await client.create(web);
  await client.create(slice('web-1', 'web', ['10.244.1.11']));
  scene.protect(EXPECTATIONS);
}, 60_000);

afterEach(async () => {
  await scene?.quiet();
});

afterAll(async () => {
  await scene?.stage.close();
});

describe.skipIf(isSkipped)('kubectl', () => {
  test('apply prints what a change does to packets, and on how many nodes; --dry-run=server too', async () => {
    await ready(await scene.start());
    const added = slice('web-2', 'web', ['10.244.2.12']);
    const line =
      'knat: on all 2 nodes: Service shop/web, from all except 10.244.1.11, 10.244.2.12 to 10.96.0.10, TCP port 80 (some senders otherwise): before to the same endpoint; after to the same endpoint and 10.244.2.12:8080';
    const dry = await scene.apply(added, '--dry-run=server');
    expect([dry.code, warningsIn(dry.complaint)]).toEqual([0, [line]]);
    expect(dry.output).toContain('created (server dry run)');
    const real = await scene.apply(added);
    expect([real.code, warningsIn(real.complaint)]).toEqual([0, [line]]);
    const gone = await scene.kubectl('delete', 'endpointslice', 'web-2', '-n', 'shop');
    expect(warningsIn(gone.complaint)[0]).toContain('after to the same endpoint');
  });

  test('a change that breaks a protected expectation is refused, and is made if its object says so', async () => {
    const replica = await scene.start();
    await ready(replica);
    const { code, complaint } = await scene.kubectl('delete', 'service', 'web', '-n', 'shop');
    expect(code).toBe(1);
    expect(complaint).toContain(
      'admission webhook "objects.what-if.knat.dev" denied the request: this breaks a protected expectation: "the shop answers" (expectations.yaml:4, node node-a): verdict expected dnat, would be none. To make the change nevertheless, give the object the annotation knat.dev/may-break: "the shop answers"',
    );
    expect(await outcomes(replica)).toMatchObject({ denied: 1 });
    const annotate = ['annotate', 'service', 'web', '-n', 'shop', 'knat.dev/may-break=the shop answers'];
    expect((await scene.kubectl(...annotate)).complaint).toBe('');
    const dry = await scene.kubectl('delete', 'service', 'web', '-n', 'shop', '--dry-run=server');
    expect(dry.code).toBe(0);
    expect(warningsIn(dry.complaint)[0]).toBe(
      'knat: breaks "the shop answers" (expectations.yaml:4), which the annotation knat.dev/may-break allows',
    );
    await scene.kubectl('annotate', 'service', 'web', '-n', 'shop', 'knat.dev/may-break-');
  });

  test('deleting a namespace is deleting everything in it', async () => {
    await ready(await scene.start());
    const { code, complaint } = await scene.kubectl('delete', 'namespace', 'shop');
    expect(code).toBe(1);
    expect(complaint).toContain('admission webhook "namespaces.what-if.knat.dev" denied the request');
  });

  test('the annotation of a Pod is a change of its node', async () => {
    await ready(await scene.start());
    await scene.stage.client.put({
      ...pod('mail', 'node-b'),
      status: {
        podIP: '10.244.2.5',
        podIPs: [{ ip: '10.244.2.5' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    const annotate = async (value: string) =>
      await scene.kubectl(
        'annotate',
        'pod',
        'mail',
        '-n',
        'shop',
        '--overwrite',
        `bln.space/podnat=${value}`,
      );
    const entry = { ifaceAuto: true, srcPort: 25, dstPort: 25, proto: 'tcp' };
    const { code, complaint } = await annotate(JSON.stringify({ entries: [entry] }));
    expect(code).toBe(0);
    expect(warningsIn(complaint).join('\n')).toMatch(
      /^knat: on node node-b: Pod shop\/mail, .*192\.0\.2\.2, TCP port 25/,
    );
  });
});

describe.skipIf(isSkipped)('what does not matter', () => {
  test('is answered at once, and without a word', async () => {
    const replica = await scene.start();
    await ready(replica);
    const { code, complaint } = await scene.kubectl(
      'label',
      'service',
      'web',
      '-n',
      'shop',
      '--overwrite',
      'tier=front',
    );
    expect([code, complaint]).toEqual([0, '']);
    expect(await outcomes(replica)).toMatchObject({ 'of no interest': 1 });
  });

  test('is not even asked: kube-system, slices of controllers, Pods that keep annotation and labels', async () => {
    const replica = await scene.start();
    await ready(replica);
    const { client } = scene.stage;
    await client.create({ ...service('dns'), metadata: { name: 'dns', namespace: 'kube-system' } });
    const managed = slice('web-9', 'web', ['10.244.1.19']);
    const labels = {
      ...managed.metadata.labels,
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    };
    await client.create({ ...managed, metadata: { ...managed.metadata, labels } });
    await client.remove(managed);
    await client.create(pod('plain', 'node-a'));
    await client.put({ ...pod('plain', 'node-a'), spec: { priority: 1 } });
    expect(Object.values(await outcomes(replica)).every((count) => count === 0)).toBe(true);
  });
});

describe.skipIf(isSkipped)('what operators fear', () => {
  test('no replica answers: changes are made, and nobody waits for more than the timeout', async () => {
    await ready(await scene.start());
    await scene.quiet();
    const { code, complaint } = await scene.apply(slice('web-3', 'web', ['10.244.2.13']));
    expect([code, complaint]).toEqual([0, '']);
    await scene.stage.client.remove(slice('web-3', 'web', []));
  });

  test('nobody is asked while the bundle is not trusted; it is written again', async () => {
    await scene.stage.client.put(scene.object('ValidatingWebhookConfiguration'));
    const { code } = await scene.apply(slice('web-3', 'web', ['10.244.2.13']));
    expect(code).toBe(0);
    await ready(await scene.start());
    const gone = await scene.kubectl('delete', 'endpointslice', 'web-3', '-n', 'shop');
    expect(warningsIn(gone.complaint)).toHaveLength(1);
  });

  test('a broken file of expectations leaves the last good one in force', async () => {
    const replica = await scene.start();
    await ready(replica);
    scene.protect('expectations: [{from: 1');
    await until(
      () => metrics(replica),
      (text) => text.includes('knat_webhook_troubles{code="KNAT_WEBHOOK_EXPECTATIONS"} 1'),
    );
    expect((await scene.kubectl('delete', 'service', 'web', '-n', 'shop')).code).toBe(1);
    scene.protect(EXPECTATIONS);
  });

  test('the configuration goes with the release: then nothing is asked any more', async () => {
    const replica = await scene.start();
    await ready(replica);
    await scene.stage.client.remove(scene.object('ValidatingWebhookConfiguration'));
    const { code, complaint } = await scene.apply(slice('web-3', 'web', ['10.244.2.13']));
    expect([code, complaint]).toEqual([0, '']);
    await scene.stage.client.create(scene.object('ValidatingWebhookConfiguration'));
  });
});
