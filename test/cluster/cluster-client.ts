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

interface Reply {
  readonly status: number;
  readonly body: ApiObject;
}

const PLURALS: Readonly<Record<string, string>> = { EndpointSlice: 'endpointslices' };

/** What tests do to a cluster, as someone who may do everything. The same for every cluster. */
export class ClusterClient {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Creates the object, with its status where it has one. */
  async create(manifest: Manifest): Promise<ApiObject> {
    const created = await this.#expect('POST', collectionOf(manifest), manifest);
    return manifest.status === undefined ? created : await this.setStatus(manifest);
  }

  /** Creates the object, or replaces all of it but its status. */
  async put(manifest: Manifest): Promise<ApiObject> {
    const found = await this.request('GET', pathOf(manifest));
    if (found.status === 404) return await this.create(manifest);
    const { resourceVersion } = found.body.metadata;
    const spec = { ...objectAt(found.body, 'spec'), ...objectAt(manifest, 'spec') };
    const { status: _, ...rest } = manifest;
    const metadata = { ...manifest.metadata, resourceVersion };
    const body = 'spec' in manifest ? { ...rest, metadata, spec } : { ...rest, metadata };
    return await this.#expect('PUT', pathOf(manifest), body);
  }

  async setStatus(manifest: Manifest): Promise<ApiObject> {
    const body = { status: manifest.status };
    return await this.#expect('PATCH', `${pathOf(manifest)}/status`, body, 'application/merge-patch+json');
  }

  /**
   * Removes the object and waits until it is gone; one that is not there is no error. A definition goes when the
   * server has removed all of its objects.
   */
  async remove(manifest: Manifest): Promise<void> {
    const path = pathOf(manifest);
    const { status } = await this.request('DELETE', `${path}?gracePeriodSeconds=0`);
    if (status !== 404 && status >= 300) throw new Error(`DELETE ${path}: ${status}`);
    await this.#until(`${path} is gone`, async () => (await this.request('GET', path)).status === 404);
  }

  async list(path: string): Promise<ApiObject[]> {
    const { body } = await this.request('GET', path);
    return Array.isArray(body.items) ? (body.items as ApiObject[]) : [];
  }

  /** Makes a custom resource and waits until it is served. */
  async define(group: string, version: string, plural: string, kind: string): Promise<void> {
    await this.create(definition(group, version, plural, kind));
    const path = `/apis/${group}/${version}/${plural}`;
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

  async #expect(method: string, path: string, body: unknown, contentType?: string): Promise<ApiObject> {
    const reply = await this.request(method, path, body, contentType);
    if (reply.status < 300) return reply.body;
    throw new Error(`${method} ${path}: ${reply.status} ${textAt(reply.body, 'message')}`);
  }
}

/** A definition that takes every field. */
export function definition(group: string, version: string, plural: string, kind: string): Manifest {
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups of this kind are protected otherwise.
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
