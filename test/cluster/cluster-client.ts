import { request } from 'node:https';
import type { Cluster } from './cluster.ts';
import { type ApiObject, objectAt, textAt } from './simulator/objects.ts';

/** An object as a test writes it down. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: unknown;
}

interface DefinitionSpec {
  readonly group: string;
  readonly names: { readonly plural: string };
  readonly versions: readonly { readonly name: string }[];
}

interface Reply {
  readonly status: number;
  readonly body: ApiObject;
}

const PLURALS: Readonly<Record<string, string>> = { EndpointSlice: 'endpointslices' };

type Access = Pick<Cluster, 'url' | 'authority' | 'adminToken'>;

/** What tests do to a cluster, with all rights. The same for every cluster. */
export class ClusterClient {
  readonly #cluster: Access;

  constructor(cluster: Access) {
    this.#cluster = cluster;
  }

  /** Creates the object, with its status where it has one. */
  async create(manifest: Manifest): Promise<ApiObject> {
    const created = await this.#expect('POST', collectionOf(manifest), manifest);
    return manifest.status === undefined ? created : await this.setStatus(manifest);
  }

  /** Creates the object, or replaces all of it but its status. */
  async put(manifest: Manifest): Promise<ApiObject> {
    const found = await this.#patient('GET', pathOf(manifest));
    if (found.status === 404) return await this.create(manifest);
    const { resourceVersion } = found.body.metadata;
    const spec = { ...objectAt(found.body, 'spec'), ...objectAt(manifest, 'spec') };
    const { status: _, ...rest } = manifest;
    const metadata = { ...manifest.metadata, resourceVersion };
    const body = 'spec' in manifest ? { ...rest, metadata, spec } : { ...rest, metadata };
    return await this.#expect('PUT', pathOf(manifest), body);
  }

  /**
   * Creates the object, or replaces it as a whole, and sets its status. Returns
   * the HTTP status of the first answer that is a refusal, else of the last one.
   */
  async replace(manifest: Manifest): Promise<number> {
    const { status: wanted, ...rest } = manifest;
    const found = await this.#patient('GET', pathOf(manifest));
    const { resourceVersion } = found.body.metadata ?? {};
    const reply =
      found.status === 404
        ? await this.#patient('POST', collectionOf(manifest), rest)
        : await this.#patient('PUT', pathOf(manifest), {
            ...rest,
            metadata: { ...manifest.metadata, resourceVersion },
          });
    if (reply.status < 300 && wanted !== undefined) await this.setStatus(manifest);
    return reply.status;
  }

  async setStatus(manifest: Manifest): Promise<ApiObject> {
    const body = { status: manifest.status };
    return await this.#expect('PATCH', `${pathOf(manifest)}/status`, body, 'application/merge-patch+json');
  }

  /**
   * Removes the object and waits until it is gone; an absent object is no error. A definition is gone when the
   * server has removed all of its objects.
   */
  async remove(manifest: Manifest): Promise<void> {
    const path = pathOf(manifest);
    const { status } = await this.#patient('DELETE', `${path}?gracePeriodSeconds=0`);
    if (status !== 404 && status >= 300) throw new Error(`DELETE ${path}: ${status}`);
    await this.#until(`${path} is gone`, async () => (await this.request('GET', path)).status === 404);
  }

  /** The object as the server has it; null when it has none. */
  async get(manifest: Manifest): Promise<Manifest | null> {
    const { status, body } = await this.#patient('GET', pathOf(manifest));
    if (status === 200) return body as unknown as Manifest;
    if (status === 404) return null;
    throw new Error(`GET ${pathOf(manifest)}: ${status} ${textAt(body, 'message')}`);
  }

  /** Lists the objects; none for a kind that the server does not have. */
  async list(path: string): Promise<ApiObject[]> {
    const { status, body } = await this.#patient('GET', path);
    if (status === 200 && Array.isArray(body.items)) return body.items as ApiObject[];
    if (status === 404) return [];
    throw new Error(`GET ${path}: ${status} ${textAt(body, 'message')}`);
  }

  /** Makes a custom resource that accepts every field, and waits until it is served. */
  async define(group: string, version: string, plural: string, kind: string): Promise<void> {
    await this.serve(definition(group, version, plural, kind));
  }

  /** Makes a custom resource and waits until its first version is served. */
  async serve(manifest: Manifest): Promise<void> {
    await this.create(manifest);
    const { group, names, versions } = manifest.spec as DefinitionSpec;
    const path = `/apis/${group}/${versions[0]?.name}/${names.plural}`;
    await this.#until(`${path} is served`, async () => (await this.request('GET', path)).status === 200);
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
    accept = 'application/json',
  ): Promise<Reply> {
    const { url, authority, adminToken } = this.#cluster;
    return await new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${adminToken}`, 'Content-Type': contentType, Accept: accept };
      const sent = request(url + path, { method, ca: authority, agent: false, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const isJson = answer.headers['content-type'] === 'application/json';
          resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(text) : {} });
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /**
   * As `request`, repeated while a server that has just started is not ready for the kind: 429, 503, and 500 from the
   * allocator of ClusterIPs.
   */
  async #patient(method: string, path: string, body?: unknown, contentType?: string): Promise<Reply> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const reply = await this.request(method, path, body, contentType);
      if (![429, 500, 503].includes(reply.status) || Date.now() > deadline) return reply;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #expect(method: string, path: string, body: unknown, contentType?: string): Promise<ApiObject> {
    const reply = await this.#patient(method, path, body, contentType);
    if (reply.status < 300) return reply.body;
    throw new Error(`${method} ${path}: ${reply.status} ${textAt(reply.body, 'message')}`);
  }
}

/** A definition that accepts every field. */
export function definition(group: string, version: string, plural: string, kind: string): Manifest {
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // The API server protects such groups unless the object has this annotation.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, test only' },
    },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
}

function collectionOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}`;
}

function pathOf(manifest: Manifest): string {
  return `${collectionOf(manifest)}/${manifest.metadata.name}`;
}
