import { coreEvent } from './core-events.ts';
import type { FaultPlan } from './faults.ts';
import type { ApiObject, JsonObject } from './objects.ts';
import { BUILT_IN, groupVersion, type ResourceType } from './resource-types.ts';
import { selectorOf } from './selectors.ts';
import { refusals } from './status.ts';
import type { Store } from './store.ts';
import { tableOf } from './tables.ts';

const EVENTS = BUILT_IN.find(({ group, kind }) => group === 'events.k8s.io' && kind === 'Event');

/** Lists that were begun and whose next page may be asked for: what a list is at its version does not change. */
export class Lists {
  readonly #store: Store;
  readonly #faults: Pick<FaultPlan, 'listsExpire'>;
  /** By resource and continue token. */
  readonly #begun = new Map<string, { readonly version: number; readonly rest: readonly ApiObject[] }>();

  constructor(store: Store, faults: Pick<FaultPlan, 'listsExpire'>) {
    this.#store = store;
    this.#faults = faults;
  }

  /** The answer to a list. Throws ApiRefusal. */
  list(type: ResourceType, namespace: string, query: URLSearchParams, isTable = false): JsonObject {
    const token = query.get('continue') ?? '';
    const limit = Number(query.get('limit') ?? 0);
    const { version, rest } = token === '' ? this.#begin(type, namespace, query) : this.#resume(type, token);
    const items = limit > 0 ? rest.slice(0, limit) : rest;
    const left = rest.slice(items.length);
    const last = items.at(-1);
    const metadata: JsonObject = { resourceVersion: String(version) };
    if (left.length > 0 && last !== undefined) {
      metadata.continue = tokenOf(type, version, last);
      this.#begun.set(`${type.plural}.${type.group} ${metadata.continue}`, { version, rest: left });
      const isSelected = query.has('labelSelector') || query.has('fieldSelector');
      if (!isSelected) metadata.remainingItemCount = left.length;
    }
    if (isTable) return tableOf(type, items, metadata, new Date());
    return {
      kind: `${type.kind}List`,
      apiVersion: groupVersion(type),
      metadata,
      items: type.isCustom ? items : items.map(({ kind: _, apiVersion: __, ...item }) => item),
    };
  }

  /** Lists that are under way cannot go on. */
  expire(): void {
    this.#begun.clear();
  }

  #begin(type: ResourceType, namespace: string, query: URLSearchParams) {
    const wanted = Number(query.get('resourceVersion') ?? 0);
    if (wanted > this.#store.version) throw refusals.versionTooLarge(wanted, this.#store.version);
    const selects = selectorOf(query, namespace);
    return { version: this.#store.version, rest: this.#objects(type).filter(selects) };
  }

  /** Events of the core group are those of events.k8s.io: the same objects, seen from the older group. */
  #objects(type: ResourceType): ApiObject[] {
    if (type.group !== '' || type.kind !== 'Event' || EVENTS === undefined) return this.#store.list(type);
    return this.#store.list(EVENTS).map(coreEvent);
  }

  #resume({ plural, group }: ResourceType, token: string) {
    const begun = this.#begun.get(`${plural}.${group} ${token}`);
    if (begun === undefined || this.#faults.listsExpire) throw refusals.expiredList();
    return begun;
  }
}

/** The form of the real token: the version and where to go on. */
function tokenOf(type: ResourceType, version: number, { metadata }: ApiObject): string {
  const start = type.namespaced ? `/${metadata.namespace}/${metadata.name}\0` : `/${metadata.name}\0`;
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start })).toString('base64url');
}
