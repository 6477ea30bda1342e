import { isRecord, recordAt } from '../../base/json.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { type StateStore, StoreFailed } from './store.ts';

/** podnat-controller's key. */
const KEY = 'state.json';

/** Milliseconds of silence before an answer is aborted. */
const IDLE = 15_000;

/** Bytes of an answer: a ConfigMap has at most 1 MiB, which escapes can enlarge sixfold. */
const LIMIT = 8 << 20;

/** Attempts of a write while other clients change the object. */
const ATTEMPTS = 5;

type ConfigMap = Readonly<Record<string, unknown>>;

/**
 * The ConfigMap `podnat-controller-NODE`. One key is changed, and the object replaced under the version that was read,
 * so that other clients' changes are not lost; needs the rights get, create and update.
 */
export class ConfigMapStore implements StateStore {
  readonly name: string;
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #objectName: string;

  constructor(client: ApiClient, namespace: string, node: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#objectName = `podnat-controller-${node}`;
    this.name = `ConfigMap ${namespace}/${this.#objectName}`;
  }

  async read(signal: AbortSignal): Promise<string | null> {
    return textIn(await this.#explained(this.#get(signal)));
  }

  async write(text: string, signal: AbortSignal): Promise<void> {
    await this.#explained(this.#put(text, signal));
  }

  async #put(text: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const found = await this.#get(signal);
        if (found === null) await this.#create(text, signal);
        else if (textIn(found) !== text) await this.#replace(withText(found, text), signal);
        return;
      } catch (error) {
        const isConflict = error instanceof ApiError && error.status === 409;
        if (!isConflict || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #get(signal: AbortSignal): Promise<ConfigMap | null> {
    try {
      const found = await this.#client.json(
        { path: `${this.#path}/${this.#objectName}` },
        signal,
        IDLE,
        LIMIT,
      );
      if (isRecord(found)) return found;
      throw new StoreFailed(`${this.name}: the answer is no object`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  async #create(text: string, signal: AbortSignal): Promise<void> {
    const metadata = {
      name: this.#objectName,
      namespace: this.#namespace,
      labels: { 'app.kubernetes.io/managed-by': 'knat' },
    };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [KEY]: text } };
    await this.#client.json({ method: 'POST', path: this.#path, body }, signal, IDLE, LIMIT);
  }

  async #replace(body: ConfigMap, signal: AbortSignal): Promise<void> {
    const path = `${this.#path}/${this.#objectName}`;
    await this.#client.json({ method: 'PUT', path, body }, signal, IDLE, LIMIT);
  }

  get #path(): string {
    return `/api/v1/namespaces/${encodeURIComponent(this.#namespace)}/configmaps`;
  }

  async #explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const remedy =
        error.status === 403
          ? `; a Role in namespace ${this.#namespace} must allow get, create and update on "configmaps"`
          : error.status === 404
            ? `; make namespace ${this.#namespace}, or name another with --state-namespace`
            : '';
      throw new StoreFailed(`${this.name}: ${error.message}${remedy}`, { cause: error });
    }
  }
}

function textIn(object: ConfigMap | null): string | null {
  const text = object === null ? undefined : recordAt(object, 'data')[KEY];
  return typeof text === 'string' ? text : null;
}

function withText(object: ConfigMap, text: string): ConfigMap {
  return { ...object, data: { ...recordAt(object, 'data'), [KEY]: text } };
}
