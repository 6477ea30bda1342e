import { type ApiObject, isJsonObject, type JsonObject, textAt } from './objects.ts';
import type { PrinterColumn, ResourceType } from './resource-types.ts';

/** A column that every object has. */
const NAME = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
} as const;

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'When the object was created.',
};

/** True where the client wants what `kubectl get` prints. */
export function wantsTable(accept: string | undefined): boolean {
  return accept !== undefined && /as=Table/.test(accept.split(',')[0] ?? '');
}

/** The objects as rows, with the columns of their definition; kinds without any show their age. */
export function tableOf(
  { columns }: ResourceType,
  objects: readonly ApiObject[],
  metadata: JsonObject,
  now: Date,
): JsonObject {
  const shown = columns ?? [AGE];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      NAME,
      ...shown.map(({ name, type, format = '', description = '', priority = 0 }) => ({
        name,
        type,
        format,
        description,
        priority,
      })),
    ],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...shown.map((column) => cell(object, column, now))],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}

function cell(object: ApiObject, { type, jsonPath }: PrinterColumn, now: Date): unknown {
  const value = valueAt(object, jsonPath);
  if (value === undefined || value === null) return type === 'date' ? '<unknown>' : null;
  if (type === 'date') return ageOf(String(value), now);
  return value;
}

/** `.a.b`, and `.a[?(@.type=="X")].b`: what printer columns need of JSONPath. */
function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const [, name = '', key, wanted] of path.matchAll(/\.(\w+)(?:\[\?\(@\.(\w+)=="(\w+)"\)\])?/g)) {
    value = isJsonObject(value) ? value[name] : undefined;
    if (key === undefined) continue;
    value = Array.isArray(value) ? value.find((each) => textAt(each, key) === wanted) : undefined;
  }
  return value;
}

/** `42s`, `3m`, `5h`, `12d`: nearly as the server writes durations. */
function ageOf(time: string, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 3 * 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
