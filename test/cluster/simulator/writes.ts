import { randomBytes, randomUUID } from 'node:crypto';
import { withDefaults } from './defaults.ts';
import { managedAfter, type Writer } from './managed-fields.ts';
import { mergePatch } from './merge-patch.ts';
import { type ApiObject, isJsonObject, type JsonObject, sameJson, timestamp } from './objects.ts';
import type { ResourceType } from './resource-types.ts';
import { refusals } from './status.ts';
import type { Store } from './store.ts';
import { validate } from './validation.ts';

/** Which object a write goes to, and by whom. */
export interface Target {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: '' | 'status';
  readonly manager: string;
}

/** A write that is ready, as validating admission sees it. */
export interface Prepared {
  /** Null: the object is new. */
  readonly before: ApiObject | null;
  /** Null: the object goes. */
  readonly after: ApiObject | null;
  /** Makes it, and gives the object as it is stored, or was. */
  commit(): ApiObject;
}

/** The writes of the API: creations, updates, patches and removals, with the rules that clients meet. */
export class Writes {
  readonly #store: Store;
  #serial = 1;

  constructor(store: Store) {
    this.#store = store;
  }

  create(target: Target, body: JsonObject): Prepared {
    const { type, namespace } = target;
    const sent = body as ApiObject;
    const { metadata } = sent;
    const given = metadata?.name ?? '';
    const name = given !== '' ? given : `${metadata?.generateName ?? ''}${suffix()}`;
    if (given === '' && (metadata?.generateName ?? '') === '') {
      throw refusals.invalid(type, '', [
        {
          reason: 'FieldValueRequired',
          message: 'Required value: name or generateName is required',
          field: 'metadata.name',
        },
      ]);
    }
    if (this.#store.get(type, namespace, name) !== null) throw refusals.alreadyExists(type, name);
    const now = timestamp(new Date());
    const { managedFields: _, resourceVersion: __, ...rest } = metadata;
    const named: ApiObject = {
      ...sent,
      metadata: { ...rest, name, ...(type.namespaced ? { namespace } : {}) },
    };
    validate(type, named);
    const object = withDefaults(type, named, this.#serial++);
    object.metadata = {
      ...object.metadata,
      uid: randomUUID(),
      ...(type.hasGeneration ? { generation: 1 } : {}),
      creationTimestamp: now,
    };
    object.metadata.managedFields = managedAfter(type, null, object, sent, writerOf(target, 'Update', now));
    return this.#prepared(target, null, object);
  }

  update(target: Target, body: JsonObject): Prepared {
    const { type, name } = target;
    const before = this.#existing(target);
    const sent = body as ApiObject;
    const version = sent.metadata?.resourceVersion ?? '';
    if (version !== '' && version !== before.metadata.resourceVersion) throw refusals.conflict(type, name);
    if (version === '' && type.isCustom) {
      const message = 'Invalid value: 0: must be specified for an update';
      const field = 'metadata.resourceVersion';
      throw refusals.invalid(type, name, [{ reason: 'FieldValueInvalid', message, field }]);
    }
    return this.#write(target, before, sent, sent, 'Update');
  }

  mergePatch(target: Target, patch: JsonObject): Prepared {
    const before = this.#existing(target);
    return this.#write(target, before, mergePatch(before, patch) as ApiObject, patch, 'Update');
  }

  /** Server-side apply, always by force. */
  apply(target: Target, configuration: JsonObject): Prepared {
    const { type, namespace, name, subresource } = target;
    const before = this.#store.get(type, namespace, name);
    if (before === null && subresource !== '') throw refusals.notFound(type, name);
    if (before === null) return this.create(target, configuration);
    return this.#write(
      target,
      before,
      mergePatch(before, configuration) as ApiObject,
      configuration,
      'Apply',
    );
  }

  /** Pods with a node are left to the kubelet unless the grace period is 0. */
  remove(target: Target, graceSeconds: number | null): Prepared & { readonly isGone: boolean } {
    const before = this.#existing(target);
    const { type } = target;
    const isOnNode = type.kind === 'Pod' && isJsonObject(before.spec) && before.spec.nodeName !== undefined;
    if (!isOnNode || graceSeconds === 0) {
      return { before, after: null, commit: () => this.#store.remove(type, before), isGone: true };
    }
    const metadata = {
      ...before.metadata,
      deletionTimestamp: timestamp(new Date()),
      deletionGracePeriodSeconds: graceSeconds ?? 30,
    };
    const commit = () => this.#store.put(type, { ...before, metadata });
    return { before, after: null, commit, isGone: false };
  }

  #write(
    target: Target,
    before: ApiObject,
    wanted: ApiObject,
    sent: JsonObject,
    operation: Writer['operation'],
  ): Prepared {
    const { type, subresource } = target;
    const after =
      subresource === 'status' ? { ...before, status: wanted.status } : keepStatus(type, before, wanted);
    const { uid, creationTimestamp, generation, managedFields, resourceVersion } = before.metadata;
    const metadata = subresource === 'status' ? before.metadata : wanted.metadata;
    const object: ApiObject = { ...after, metadata: { ...metadata, managedFields: [] } };
    validate(type, object, before);
    const isSpecChanged = !sameJson(withoutMetadata(before), withoutMetadata(object)) && subresource === '';
    Object.assign(object.metadata, {
      uid,
      creationTimestamp,
      resourceVersion,
      ...(generation === undefined ? {} : { generation: generation + (isSpecChanged ? 1 : 0) }),
    });
    const writer = writerOf(target, operation, timestamp(new Date()));
    object.metadata.managedFields = managedAfter(type, before, object, sent, writer);
    const isSame = sameJson(
      { ...before, metadata: { ...before.metadata, managedFields: [] } },
      { ...object, metadata: { ...object.metadata, managedFields: [] } },
    );
    // A write that changes nothing makes no new version; taking over fields does.
    const isNothing = isSame && (operation === 'Update' || managedFields?.some(isBy(writer)));
    return isNothing
      ? { before, after: object, commit: () => before }
      : this.#prepared(target, before, object);
  }

  /** Who was faster meanwhile wins. */
  #prepared({ type, namespace, name }: Target, before: ApiObject | null, after: ApiObject): Prepared {
    const commit = () => {
      const now = this.#store.get(type, namespace, before === null ? after.metadata.name : name);
      if (now?.metadata.resourceVersion !== before?.metadata.resourceVersion)
        throw refusals.conflict(type, name);
      return this.#store.put(type, after);
    };
    return { before, after, commit };
  }

  #existing({ type, namespace, name }: Target): ApiObject {
    const found = this.#store.get(type, namespace, name);
    if (found === null) throw refusals.notFound(type, name);
    return found;
  }
}

function writerOf({ manager, subresource }: Target, operation: Writer['operation'], time: string): Writer {
  return { manager, operation, subresource, time };
}

function isBy({ manager, operation }: Writer) {
  return (entry: { manager: string; operation: string }) =>
    entry.manager === manager && entry.operation === operation;
}

/** The main resource leaves the status as it is. */
function keepStatus(type: ResourceType, before: ApiObject, wanted: ApiObject): ApiObject {
  if (!type.hasStatus) return wanted;
  const { status: _, ...rest } = wanted;
  return (before.status === undefined ? rest : { ...rest, status: before.status }) as ApiObject;
}

function withoutMetadata({ metadata: _, status: __, ...rest }: ApiObject): JsonObject {
  return rest;
}

/** Five characters, as the server appends them to `generateName`. */
function suffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('');
}
