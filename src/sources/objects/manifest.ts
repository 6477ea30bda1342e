import { isRecord } from '../../base/json.ts';
import type { ManifestRoot, ManifestSyntaxError } from './manifest-root.ts';
import { readRoots } from './manifest-text.ts';

export interface ManifestDocument {
  /** Empty if absent in the document. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly value: unknown;
  /** 1-based line where the object begins. */
  readonly line: number;
  /** 1-based line of a field of the object, or of its deepest existing parent. */
  readonly lineOf: (steps: readonly (string | number)[]) => number;
}

/**
 * Reads a manifest: YAML or JSON, one or many documents; lists (`List`, `ServiceList` …, or a plain JSON list) are
 * split into objects. Empty documents are left out. JSON is recognised by its first character and read by JSON.parse,
 * which is many times as fast as YAML; if that fails, the file is read as YAML, unless its name ends in .json.
 */
export function readManifest(
  text: string,
  filename: string,
): readonly ManifestDocument[] | ManifestSyntaxError {
  const roots = readRoots(text, filename);
  if ('message' in roots) return roots;
  try {
    return roots.flatMap((root) => documentsOf(root, { value: root.value, base: [], line: null }, '', ''));
  } catch (error) {
    if (error instanceof TooDeep) return { line: error.line, message: error.message };
    throw error;
  }
}

/** Nesting limit of lists: each level costs a search for the lines of its items. */
const DEEPEST_LIST = 8;

/** Thrown inside this file only. */
class TooDeep extends Error {
  readonly line: number;

  constructor(line: number) {
    super(`lists nested more than ${DEEPEST_LIST} deep: flatten them`);
    this.line = line;
  }
}

/** A value in a root; `line` null: not known yet. */
interface Place {
  readonly value: unknown;
  readonly base: readonly (string | number)[];
  readonly line: number | null;
}

/** One document, or those of a list. */
function documentsOf(
  root: ManifestRoot,
  place: Place,
  version: string,
  itemKind: string,
): ManifestDocument[] {
  const { value, base } = place;
  if (value === null || value === undefined) return [];
  if (Array.isArray(value) && base.length === 0) return itemsOf(root, value, base, '', '');
  const object = isRecord(value) ? value : {};
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
  // A list in a list adds `items` and an index.
  if (base.length > 2 * DEEPEST_LIST) throw new TooDeep(root.lineOf([]));
  const lines = root.itemLines(base);
  return items.flatMap((value, index) =>
    documentsOf(root, { value, base: [...base, index], line: lines[index] ?? null }, version, kind),
  );
}
