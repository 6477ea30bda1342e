import { isObject } from './fields.ts';
import { readJsonText } from './manifest-json.ts';
import { readYamlText } from './manifest-yaml.ts';

/** A file's contents as values, before any of it is known to be a Kubernetes object. */
export interface ManifestRoot {
  readonly value: unknown;
  /** 1-based line of the value at these steps, or of the deepest one on the way that exists. */
  readonly lineOf: (steps: readonly (string | number)[]) => number;
  /** 1-based lines of all items of the list at these steps, found in one pass. */
  readonly itemLines: (steps: readonly (string | number)[]) => readonly number[];
}

/** The file cannot be read as a whole; `line` is 1-based. */
export interface ManifestSyntaxError {
  readonly line: number;
  readonly message: string;
}

/** One object of a file. */
export interface ManifestDocument {
  /** Empty where the document does not say. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly value: unknown;
  /** 1-based line where the object begins. */
  readonly line: number;
  /** 1-based line of a field of the object, or of what is nearest to it. */
  readonly lineOf: (steps: readonly (string | number)[]) => number;
}

/** Above this many characters a text that is nearly JSON is not tried as YAML too: that would take seconds. */
const YAML_RETRY_LIMIT = 1_000_000;

/**
 * Reads a manifest: YAML or JSON, one or many documents, lists (`List`, `ServiceList` …, or a plain JSON list) taken
 * apart. Empty documents are left out. JSON is recognised by its first character and read by JSON.parse, which is
 * many times as fast as YAML; JSON with more than one document is read as YAML.
 */
export function readManifest(
  text: string,
  filename: string,
): readonly ManifestDocument[] | ManifestSyntaxError {
  const roots = readRoots(text, filename);
  if ('message' in roots) return roots;
  return roots.flatMap((root) => documentsOf(root, { value: root.value, base: [], line: null }, '', ''));
}

function readRoots(text: string, filename: string): readonly ManifestRoot[] | ManifestSyntaxError {
  if (!/^\s*[{[]/.test(text)) return readYamlText(text);
  const json = readJsonText(text);
  if (!('message' in json)) return [json];
  if (filename.endsWith('.json') && !/^\s*[}\]]\s*(---|\{)/m.test(text)) return json;
  return text.length > YAML_RETRY_LIMIT ? json : readYamlText(text);
}

/** A value in a root; `line` null: not known yet. */
interface Place {
  readonly value: unknown;
  readonly base: readonly (string | number)[];
  readonly line: number | null;
}

/** The value as a document, or the documents of the list that it is. */
function documentsOf(
  root: ManifestRoot,
  place: Place,
  version: string,
  itemKind: string,
): ManifestDocument[] {
  const { value, base } = place;
  if (value === null || value === undefined) return [];
  if (Array.isArray(value) && base.length === 0) return itemsOf(root, value, base, '', '');
  const object = isObject(value) ? value : {};
  const apiVersion = typeof object.apiVersion === 'string' ? object.apiVersion : version;
  const kind = typeof object.kind === 'string' ? object.kind : itemKind;
  if (kind.endsWith('List') && Array.isArray(object.items)) {
    const inner = kind.slice(0, -'List'.length);
    return itemsOf(root, object.items, [...base, 'items'], inner === '' ? '' : apiVersion, inner);
  }
  const lineOf = (steps: readonly (string | number)[]) => root.lineOf([...base, ...steps]);
  return [{ apiVersion, kind, value, line: place.line ?? root.lineOf(base), lineOf }];
}

function itemsOf(
  root: ManifestRoot,
  items: readonly unknown[],
  base: readonly (string | number)[],
  version: string,
  kind: string,
): ManifestDocument[] {
  const lines = root.itemLines(base);
  return items.flatMap((value, index) =>
    documentsOf(root, { value, base: [...base, index], line: lines[index] ?? null }, version, kind),
  );
}
