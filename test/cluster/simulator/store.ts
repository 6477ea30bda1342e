import type { ApiObject } from './objects.ts';
import { qualifiedName, type ResourceType } from './resource-types.ts';

/** A change as a watch reports it. `before` is null for a new object, `after` for a removed one. */
export interface StoreEvent {
  readonly version: number;
  readonly before: ApiObject | null;
  readonly after: ApiObject | null;
}

interface Collection {
  readonly objects: Map<string, ApiObject>;
  readonly events: StoreEvent[];
  readonly listeners: Set<(event: StoreEvent) => void>;
}

/** State to go back to, as a backup holds it. */
export interface Snapshot {
  readonly version: number;
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, ApiObject>>;
}

/**
 * Objects with one version counter, as etcd behind the API server. Objects that are stored are never changed: each
 * write brings a new one.
 */
export class Store {
  #version = 200;
  /** Versions below this one are forgotten. */
  #oldest = 0;
  readonly #collections = new Map<string, Collection>();

  get version(): number {
    return this.#version;
  }

  get oldest(): number {
    return this.#oldest;
  }

  /** In the order of namespaces and names. */
  list(type: ResourceType): ApiObject[] {
    const { objects } = this.#collection(type);
    return [...objects.keys()].sort().flatMap((key) => objects.get(key) ?? []);
  }

  get(type: ResourceType, namespace: string, name: string): ApiObject | null {
    return this.#collection(type).objects.get(keyOf(namespace, name)) ?? null;
  }

  /** Writes an object, with the next version unless one is given. */
  put(type: ResourceType, object: ApiObject, version = this.#version + 1): ApiObject {
    const { objects } = this.#collection(type);
    this.#version = version;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name);
    const before = objects.get(key) ?? null;
    objects.set(key, stored);
    this.#emit(type, { version, before, after: stored });
    return stored;
  }

  /** Removes an object; gives it with the version of its removal. */
  remove(type: ResourceType, object: ApiObject): ApiObject {
    const { objects } = this.#collection(type);
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name);
    const before = objects.get(key) ?? object;
    objects.delete(key);
    const version = ++this.#version;
    const last = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
    this.#emit(type, { version, before: last, after: null });
    return last;
  }

  /** The changes after a version. */
  since(type: ResourceType, version: number): StoreEvent[] {
    return this.#collection(type).events.filter((event) => event.version > version);
  }

  subscribe(type: ResourceType, listener: (event: StoreEvent) => void): () => void {
    const { listeners } = this.#collection(type);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Lets the counter go on without a change that anyone can see. */
  advance(by: number): void {
    this.#version += by;
  }

  /** Forgets all changes up to now. */
  compact(): void {
    this.#oldest = this.#version;
    for (const { events } of this.#collections.values()) events.length = 0;
  }

  snapshot(): Snapshot {
    const objects = new Map([...this.#collections].map(([name, each]) => [name, new Map(each.objects)]));
    return { version: this.#version, objects };
  }

  /** Goes back to a snapshot: objects and counter, as when a backup is restored. */
  restore({ version, objects }: Snapshot): void {
    this.#version = version;
    for (const [name, collection] of this.#collections) {
      collection.objects.clear();
      for (const [key, object] of objects.get(name) ?? []) collection.objects.set(key, object);
    }
    this.compact();
  }

  #collection(type: ResourceType): Collection {
    const name = qualifiedName(type).replace(/^events\.events\.k8s\.io$/, 'events');
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = { objects: new Map(), events: [], listeners: new Set() };
      this.#collections.set(name, collection);
    }
    return collection;
  }

  #emit(type: ResourceType, event: StoreEvent): void {
    const { events, listeners } = this.#collection(type);
    events.push(event);
    for (const listener of listeners) listener(event);
  }
}

/** Sorts as etcd does: the namespace first. */
function keyOf(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
