import { type ApiObject, type JsonObject, objectAt, textAt } from './objects.ts';
import { groupVersion, type ResourceType } from './resource-types.ts';
import type { Store } from './store.ts';

/** Milliseconds between two looks. */
const INTERVAL = 20;

/**
 * The garbage collector of kube-controller-manager, as far as dependents of owners that are gone are concerned
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/): an owner is the object of that kind and name
 * only if it has the uid of the reference. A dependent goes when all of its owners are gone; where some are left, the
 * others are taken out of its references. A kind that the server does not have decides nothing.
 */
export class GarbageCollector {
  readonly #store: Store;
  readonly #types: () => readonly ResourceType[];
  #timer: NodeJS.Timeout | null = null;
  #seen = -1;
  /** A controller manager that stands still. */
  isPaused = false;

  constructor(store: Store, types: () => readonly ResourceType[]) {
    this.#store = store;
    this.#types = types;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), INTERVAL).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Looks now, if anything changed since the last look. */
  look(): void {
    if (this.isPaused || this.#store.version === this.#seen) return;
    this.#seen = this.#store.version;
    const types = this.#types();
    for (const type of types) for (const object of this.#store.list(type)) this.#collect(type, object, types);
  }

  #collect(type: ResourceType, object: ApiObject, types: readonly ResourceType[]): void {
    const { ownerReferences, namespace = '' } = object.metadata;
    const references = Array.isArray(ownerReferences) ? (ownerReferences as JsonObject[]) : [];
    const left = references.filter((reference) => !this.#isGone(reference, namespace, types));
    if (left.length === references.length) return;
    if (left.length === 0) this.#store.remove(type, object);
    else this.#store.put(type, { ...object, metadata: { ...object.metadata, ownerReferences: left } });
  }

  #isGone(reference: JsonObject, namespace: string, types: readonly ResourceType[]): boolean {
    const type = types.find(
      (each) =>
        each.kind === textAt(reference, 'kind') && groupVersion(each) === textAt(reference, 'apiVersion'),
    );
    if (type === undefined) return false;
    const owner = this.#store.get(type, type.namespaced ? namespace : '', textAt(reference, 'name'));
    return textAt(objectAt({ owner }, 'owner').metadata, 'uid') !== textAt(reference, 'uid');
  }
}
