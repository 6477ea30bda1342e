import { type ApiObject, isJsonObject, type JsonObject, type ManagedFields, sameJson } from './objects.ts';
import { groupVersion, type ResourceType } from './resource-types.ts';

/** Who writes, and how: the request's part of `metadata.managedFields`. */
export interface Writer {
  readonly manager: string;
  readonly operation: 'Update' | 'Apply';
  readonly subresource: string;
  readonly time: string;
}

/** Objects that are owned as a whole. */
const ATOMIC = new Set(['regarding', 'related', 'selector', 'involvedObject']);
/** Fields of an object that never have an owner. */
const NOT_OWNED = new Set(['apiVersion', 'kind', 'metadata', 'deprecatedSource']);
const OWNED_METADATA = ['annotations', 'generateName', 'labels', 'ownerReferences', 'finalizers'];

/**
 * The managed fields after a write: the writer owns what it set or changed, others lose that. Lists are owned as a
 * whole, which is simpler than the real server for lists with keys.
 *
 * @param sent what the writer says: for Apply the configuration, for Update the new object
 */
export function managedAfter(
  type: ResourceType,
  before: ApiObject | null,
  after: ApiObject,
  sent: JsonObject,
  writer: Writer,
): ManagedFields[] {
  const old = before?.metadata.managedFields ?? [];
  const isOwn = (entry: ManagedFields) =>
    entry.manager === writer.manager &&
    entry.operation === writer.operation &&
    (entry.subresource ?? '') === writer.subresource;
  const set =
    writer.operation === 'Apply'
      ? fieldsOf(sent, type, 'Apply')
      : changedFields(fieldsOf(after, type, 'Update'), before ?? {}, after);
  const own = old.find(isOwn);
  const fields = writer.operation === 'Update' && own !== undefined ? merge(own.fieldsV1, set) : set;
  const entry: ManagedFields = {
    manager: writer.manager,
    operation: writer.operation,
    apiVersion: groupVersion(type),
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
  };
  const others = old
    .filter((each) => !isOwn(each))
    .map((each) => ({ ...each, fieldsV1: without(each.fieldsV1, set) ?? {} }))
    .filter((each) => Object.keys(each.fieldsV1).length > 0);
  const isEmpty = Object.keys(fields).length === 0;
  const all = isEmpty ? others : [...others, entry];
  return [...all.filter(({ operation }) => operation === 'Apply'), ...all.filter(isUpdate)];
}

function isUpdate({ operation }: ManagedFields): boolean {
  return operation === 'Update';
}

function fieldsOf(object: JsonObject, type: ResourceType, operation: 'Update' | 'Apply'): JsonObject {
  const fields: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    if (NOT_OWNED.has(key) || value === null) continue;
    const children = fieldsOfValue(key, value, operation === 'Update');
    // The Go types of the built-in kinds have a struct here, which as such is no field.
    if (!type.isCustom) delete children['.'];
    fields[`f:${key}`] = children;
  }
  const metadata = isJsonObject(object.metadata) ? object.metadata : {};
  const own = Object.fromEntries(
    OWNED_METADATA.flatMap((key) =>
      metadata[key] === undefined ? [] : [[`f:${key}`, fieldsOfValue(key, metadata[key], true)]],
    ),
  );
  if (Object.keys(own).length > 0) fields['f:metadata'] = own;
  return fields;
}

function fieldsOfValue(name: string, value: unknown, withSelf: boolean): JsonObject {
  if (!isJsonObject(value) || ATOMIC.has(name) || Object.keys(value).length === 0) return {};
  const children = Object.entries(value).map(([key, child]) => [
    `f:${key}`,
    fieldsOfValue(key, child, withSelf),
  ]);
  return { ...(withSelf ? { '.': {} } : {}), ...Object.fromEntries(children) };
}

/** The part of the fields whose values differ between two objects. */
function changedFields(fields: JsonObject, before: unknown, after: unknown): JsonObject {
  const changed: JsonObject = {};
  for (const [key, children] of Object.entries(fields)) {
    const name = key.slice(2);
    const old = isJsonObject(before) ? before[name] : undefined;
    const now = isJsonObject(after) ? after[name] : undefined;
    if (key === '.') {
      if (!isJsonObject(before)) changed[key] = children;
    } else if (!sameJson(old, now)) {
      changed[key] = isJsonObject(children) ? changedFields(children, old, now) : {};
    }
  }
  return changed;
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const merged = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const old = merged[key];
    merged[key] = isJsonObject(old) && isJsonObject(value) ? merge(old, value) : value;
  }
  return merged;
}

/** The fields that are not in the other set; null when that leaves nothing of a field that had children. */
function without(fields: JsonObject, taken: JsonObject): JsonObject | null {
  const rest: JsonObject = {};
  for (const [key, children] of Object.entries(fields)) {
    const other = taken[key];
    if (other === undefined) rest[key] = children;
    else if (isJsonObject(children) && Object.keys(children).length > 0) {
      rest[key] = isJsonObject(other) ? (without(children, other) ?? {}) : {};
    }
  }
  const keys = Object.keys(rest);
  return keys.length === 1 && keys[0] === '.' ? {} : rest;
}
