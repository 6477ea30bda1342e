import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import { processSurroundings } from '../../src/kube-api/surroundings.ts';
import { CertificateKeeper } from '../../src/webhook/keeper.ts';
import { ALLOWED } from '../../src/webhook/review.ts';
import { ReviewServer } from '../../src/webhook/server.ts';
import type { Manifest } from './cluster-client.ts';
import { service } from './manifests.ts';
import { objectAt, textAt } from './simulator/objects.ts';
import { Stage } from './stage.ts';
import { startCluster, unlessSimulated } from './start-cluster.ts';
import { NAME, NAMESPACE, WebhookStage } from './webhook-stage.ts';

/** Certificates of several replicas, with clocks that the test moves, and an API server that refuses what it does not trust. */

const isSkipped = unlessSimulated('certificates of the webhook', 'its Service has no address on this host');
const signal = new AbortController().signal;
const [MINUTE, DAY] = [60_000, 86_400_000];

let scene: WebhookStage;
const replicas: Replica[] = [];

/** A replica that serves what its keeper adopts. */
class Replica {
  /** Milliseconds by which its clock is ahead. */
  skew = 0;
  readonly troubles: (string | null)[] = [];
  readonly adopted: string[] = [];
  readonly made: string[] = [];
  reviews = 0;
  port = 0;
  #server: ReviewServer | null = null;
  #close = () => {};
  readonly #keeper: CertificateKeeper;

  constructor(client: ApiClient) {
    const names = { namespace: NAMESPACE, secret: NAME, configuration: NAME };
    this.#keeper = new CertificateKeeper(
      client,
      { ...names, dnsNames: [`${NAME}.${NAMESPACE}.svc`] },
      {
        adopt: (serving) => {
          this.adopted.push(serving.certificate);
          this.#server?.serve(serving);
          this.#server ??= this.#listening(serving);
        },
        renewed: (what) => this.made.push(what),
        trouble: (message) => this.troubles.push(message),
      },
      () => Date.now() + this.skew,
    );
  }

  static async start(): Promise<Replica> {
    const access = await openAccess({ environment: {}, kubeconfig: scene.stage.kubeconfig });
    const replica = new Replica(new ApiClient(access, processSurroundings));
    replicas.push(replica);
    return replica;
  }

  async look(): Promise<boolean> {
    return await this.#keeper.look(signal);
  }

  close(): void {
    this.#close();
  }

  #listening(serving: Parameters<ReviewServer['serve']>[0]): ReviewServer {
    const review = () => {
      this.reviews++;
      return ALLOWED;
    };
    const made = new ReviewServer(serving, { review, refused: () => {} });
    const server = made.make();
    server.listen(0, '127.0.0.1', () => {
      this.port = (server.address() as AddressInfo).port;
    });
    this.#close = () => server.close();
    return made;
  }
}

/** A write that fails unless the replica answers: its failurePolicy is Fail here. */
async function isAnswered(replica: Replica): Promise<number> {
  scene.stage.cluster.simulator?.webhookPorts.set(`${NAMESPACE}/${NAME}`, replica.port);
  const path = '/api/v1/namespaces/shop/services?dryRun=All';
  return (await scene.stage.client.request('POST', path, service('asked'))).status;
}

async function configure(change: (webhook: Record<string, unknown>) => object): Promise<void> {
  const manifest = scene.object('ValidatingWebhookConfiguration');
  const found = await scene.stage.client.request(
    'GET',
    `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${NAME}`,
  );
  const webhooks = (found.body.webhooks as Record<string, unknown>[]).map((each) => ({
    ...each,
    ...change(each),
  }));
  await scene.stage.client.put({ ...manifest, webhooks } as Manifest);
}

async function secret(): Promise<Record<string, string>> {
  const { body } = await scene.stage.client.request('GET', `/api/v1/namespaces/${NAMESPACE}/secrets/${NAME}`);
  const data = objectAt(body, 'data');
  return Object.fromEntries(
    Object.keys(data).map((key) => [key, Buffer.from(textAt(data, key), 'base64').toString()]),
  );
}

async function authorities(): Promise<number> {
  return ((await secret())['ca.crt'] ?? '').match(/BEGIN CERTIFICATE/g)?.length ?? 0;
}

beforeAll(async () => {
  if (isSkipped) return;
  scene = new WebhookStage(new Stage(await startCluster()));
}, 60_000);

afterEach(() => {
  for (const replica of replicas.splice(0)) replica.close();
});

afterAll(async () => {
  await scene?.stage.close();
});

test.skipIf(isSkipped)('replicas that start together agree on one certificate', async () => {
  await scene.install();
  const [a, b, c] = [await Replica.start(), await Replica.start(), await Replica.start()];
  expect(await Promise.all([a.look(), b.look(), c.look()])).toEqual([true, true, true]);
  expect([...a.made, ...b.made, ...c.made]).toEqual(['authority']);
  expect(new Set([a, b, c].flatMap(({ adopted }) => adopted)).size).toBe(1);
  await configure(() => ({ failurePolicy: 'Fail' }));
  for (const each of [a, b, c]) expect(await isAnswered(each)).toBe(201);
});

test.skipIf(isSkipped)('a rotation of everything, and no call is refused at any step', async () => {
  await scene.stage.client.put({ ...scene.object('Secret'), data: {} } as Manifest);
  const [a, b] = [await Replica.start(), await Replica.start()];
  await configure(() => ({ failurePolicy: 'Fail' }));
  /** `b` follows by half a day: it reads later, and its clock is behind. */
  const at = async (skew: number) => {
    a.skew = skew;
    b.skew = skew - DAY / 2;
    expect(await a.look()).toBe(true);
    if (b.adopted.length > 0) expect([await isAnswered(a), await isAnswered(b)]).toEqual([201, 201]);
    expect(await b.look()).toBe(true);
  };
  // The API server's clock stays where it is, so the certificates of the past must be valid now.
  a.skew = -490 * DAY;
  expect(await a.look()).toBe(true);
  await at(-61 * DAY);
  expect([await isAnswered(a), await isAnswered(b)]).toEqual([201, 201]);
  expect(await authorities()).toBe(1);
  const before = a.adopted.at(-1);
  await at(0);
  // The authority is old: a new one is trusted, and the old certificate still served.
  expect([await authorities(), a.adopted.at(-1) === before]).toEqual([2, true]);
  expect([await isAnswered(a), await isAnswered(b)]).toEqual([201, 201]);
  await at(11 * MINUTE);
  expect(a.adopted.at(-1)).not.toBe(before);
  expect(b.adopted.at(-1)).toBe(a.adopted.at(-1));
  expect([await isAnswered(a), await isAnswered(b)]).toEqual([201, 201]);
  const [newest = ''] = /-----BEGIN[\s\S]*?END CERTIFICATE-----/.exec((await secret())['ca.crt'] ?? '') ?? [];
  const served = new X509Certificate(a.adopted.at(-1) ?? '');
  expect(served.verify(new X509Certificate(newest).publicKey)).toBe(true);
  expect([a.troubles.at(-1) ?? null, b.troubles.at(-1) ?? null]).toEqual([null, null]);
});

test.skipIf(isSkipped)('who takes the bundle away makes no lasting trouble', async () => {
  const a = await Replica.start();
  await a.look();
  await configure(({ clientConfig }) => ({
    failurePolicy: 'Fail',
    clientConfig: { ...(clientConfig as object), caBundle: '' },
  }));
  expect(await isAnswered(a)).toBe(500);
  expect(await a.look()).toBe(true);
  expect(await isAnswered(a)).toBe(201);
});

test.skipIf(isSkipped)(
  'an emptied Secret gives new keys; a missing one is told, and what is served stays',
  async () => {
    const a = await Replica.start();
    await a.look();
    const [former] = a.adopted;
    await scene.stage.client.put({ ...scene.object('Secret'), data: {} } as Manifest);
    expect(await a.look()).toBe(true);
    expect([a.made, await authorities(), a.adopted.at(-1) === former]).toEqual([['authority'], 1, false]);
    await scene.stage.client.remove(scene.object('Secret'));
    expect(await a.look()).toBe(false);
    expect(a.troubles.at(-1)).toBe(`there is no Secret ${NAMESPACE}/${NAME}`);
    expect(await isAnswered(a)).toBe(201);
    await scene.stage.client.create(scene.object('Secret'));
    expect(await a.look()).toBe(true);
    expect(a.troubles.at(-1)).toBeNull();
  },
);

test.skipIf(isSkipped)('Go trusts it too: kubectl, by the name of the Service alone', async () => {
  const a = await Replica.start();
  await a.look();
  await isAnswered(a);
  const { writeFileSync } = await import('node:fs');
  const authority = `${scene.stage.folder}/ca.crt`;
  writeFileSync(authority, (await secret())['ca.crt'] ?? '');
  const ask = async (name: string) =>
    await scene.kubectl(
      ...['get', '--raw', '/', `--server=https://127.0.0.1:${a.port}`],
      ...[`--certificate-authority=${authority}`, `--tls-server-name=${name}`],
    );
  const { complaint } = await ask(`${NAME}.${NAMESPACE}.svc`);
  expect(complaint).toContain('the server could not find the requested resource');
  expect((await ask('other.svc')).complaint).toContain(
    'certificate is valid for knat-webhook.knat-system.svc, not other.svc',
  );
});
