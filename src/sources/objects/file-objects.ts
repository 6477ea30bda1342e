import { isRecord } from '../../base/json.ts';
import type { ObjectKind } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import { formatRef, type ObjectRef } from '../../model/object.ts';
import { type AnyFact, factKey, factKindOf, parseFact } from './fact-object.ts';
import { describe } from './fields.ts';
import { type ManifestDocument, readManifest } from './manifest.ts';
import { fieldSteps } from './manifest-root.ts';
import { objectRef, type ParseContext } from './metadata.ts';

/** One object of a file that knat reads. */
export interface FileObject {
  readonly kind: ObjectKind;
  readonly key: string;
  readonly rank: number;
  /** 1-based. */
  readonly line: number;
  /** Null: it is no fact (a slice of no Service); `rejected`: the last good value stays in force. */
  readonly fact: AnyFact | null | 'rejected';
  readonly ref: ObjectRef;
}

export interface FileObjects {
  /**
   * Each kind and key once; if that object is `rejected` and the file repeats it, the next valid one follows as a
   * substitute that has no last good value. Null if the file is no YAML or JSON, so that its objects are unknown.
   */
  readonly objects: readonly FileObject[] | null;
  /** Origins are `FILE:LINE`. */
  readonly problems: readonly Finding[];
}

/** Documents are independent: a bad one is reported and the others are applied. */
export function readFileObjects(text: string, filename: string, context: ParseContext): FileObjects {
  const documents = readManifest(text, filename);
  if ('message' in documents) {
    const origin = `${filename}:${documents.line}`;
    return { objects: null, problems: [problem('KNAT_MANIFEST_SYNTAX', origin, null, documents.message)] };
  }
  const problems: Finding[] = [];
  const objects = new Map<string, FileObject>();
  const understudies = new Map<string, FileObject>();
  for (const document of documents) {
    const object = readDocument(document, filename, context, problems);
    if (object === null) continue;
    const id = `${object.kind}/${object.key}`;
    const first = objects.get(id);
    if (first === undefined) objects.set(id, object);
    else if (object.rank < first.rank) {
      objects.set(id, object);
      offer(understudies, id, first);
    } else {
      offer(understudies, id, object);
      if (object.rank === first.rank) {
        const outcome = first.fact === 'rejected' ? 'and cannot be used' : 'which is used';
        const message = `${formatRef(object.ref)} is already on line ${first.line} of this file, ${outcome}: remove one`;
        problems.push(problem('KNAT_OBJECT_DUPLICATE', `${filename}:${object.line}`, object.ref, message));
      }
    }
  }
  return {
    objects: [...objects].flatMap(([id, object]) => {
      const understudy = object.fact === 'rejected' ? understudies.get(id) : undefined;
      return understudy === undefined ? [object] : [object, understudy];
    }),
    problems,
  };
}

/** Keeps the first usable object of the lowest rank. */
function offer(understudies: Map<string, FileObject>, id: string, object: FileObject): void {
  if (object.fact === 'rejected') return;
  const other = understudies.get(id);
  if (other === undefined || object.rank < other.rank) understudies.set(id, object);
}

/** Why a document is no Kubernetes object of any kind; null if it is one. */
export function notAnObject({ apiVersion, kind, value }: ManifestDocument): string | null {
  if (!isRecord(value))
    return `${describe(value)} is no Kubernetes object: write apiVersion, kind and metadata`;
  if (kind === '' || apiVersion === '')
    return `the document has no ${kind === '' ? 'kind' : 'apiVersion'}: add it`;
  return null;
}

/** Null for kinds that knat does not read and for objects without a name. */
function readDocument(
  document: ManifestDocument,
  filename: string,
  context: ParseContext,
  problems: Finding[],
): FileObject | null {
  const { apiVersion, kind: kindName, value } = document;
  const origin = (field: string) => `${filename}:${document.lineOf(fieldSteps(field))}`;
  const fault = notAnObject(document);
  if (fault !== null) {
    problems.push(problem('KNAT_OBJECT_INVALID', origin(''), null, fault));
    return null;
  }
  const known = factKindOf(apiVersion, kindName);
  if (known === null) {
    context.debug(`${origin('')}: ${apiVersion} ${kindName} is of no kind that knat reads`);
    return null;
  }
  const { kind, rank } = known;
  const parsed = parseFact(kind, value, context);
  const found = parsed.ok ? parsed.warnings : parsed.problems;
  for (const each of found) problems.push({ ...each, origin: origin(each.field) });
  const key = factKey(kind, value);
  if (key === '') return null;
  const fact = parsed.ok ? parsed.fact : 'rejected';
  return { kind, key, rank, fact, ref: objectRef(kind, value), line: document.line };
}

function problem(code: SourceCode, origin: string, object: ObjectRef | null, message: string): Finding {
  return { code, severity: 'error', origin, object, field: '', message };
}
