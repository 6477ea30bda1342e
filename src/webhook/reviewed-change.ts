import { deepEqual } from '../model/equal.ts';
import type { FactChange, ObjectKind } from '../model/facts.ts';
import { type Finding, formatFinding } from '../model/finding.ts';
import { type AnyFact, factChange, factKey, factKindOf, parseFact } from '../sources/objects/fact-object.ts';
import type { ParseContext } from '../sources/objects/metadata.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ReviewRequest } from './review.ts';

/** What a review changes, in facts. */
export interface ReviewedChange {
  readonly changes: readonly FactChange[];
  /** The same objects as they are now: by the review itself, which is never older than what a watch delivered. */
  readonly former: readonly FactChange[];
  /** Why knat cannot use the object as it is written; it keeps the last good version. */
  readonly problems: readonly Finding[];
}

/** Null: the review changes nothing that matters for packets. */
export function reviewedChange(
  request: ReviewRequest,
  state: ClusterState,
  context: ParseContext,
): ReviewedChange | null {
  const kind = factKindOf(request.apiVersion, request.kind)?.kind;
  if (kind === undefined) return null;
  if (kind === 'Namespace' && request.operation === 'DELETE') return namespaceGone(request.name, state);
  const before = factIn(kind, request.oldObject, context);
  const after = factIn(kind, request.object, context);
  if (after.problems.length > 0) return { changes: [], former: [], problems: after.problems };
  if (deepEqual(before.fact, after.fact)) return null;
  const key = after.key || before.key;
  if (key === '') return null; // generateName: the object has no name yet
  return {
    changes: [factChange(kind, key, after.fact)],
    former: request.operation === 'CREATE' ? [] : [factChange(kind, key, before.fact)],
    problems: [],
  };
}

interface Read {
  /** Empty without an object. */
  readonly key: string;
  readonly fact: AnyFact | null;
  readonly problems: readonly Finding[];
}

function factIn(kind: ObjectKind, object: unknown, context: ParseContext): Read {
  if (object === null) return { key: '', fact: null, problems: [] };
  const parsed = parseFact(kind, object, context);
  const key = factKey(kind, object);
  return parsed.ok
    ? { key, fact: parsed.fact, problems: [] }
    : { key, fact: null, problems: parsed.problems };
}

/** Everything in the namespace goes with it. */
function namespaceGone(name: string, { facts }: ClusterState): ReviewedChange | null {
  const changes: FactChange[] = [];
  for (const kind of ['Service', 'EndpointSlice', 'Pod'] as const) {
    for (const [key, { namespace }] of facts.of(kind)) {
      if (namespace === name) changes.push({ kind, key, fact: null } as FactChange);
    }
  }
  if (facts.of('Namespace').has(name)) changes.push({ kind: 'Namespace', key: name, fact: null });
  return changes.length === 0 ? null : { changes, former: [], problems: [] };
}

/** `spec.ports[0].port: …`, for a warning. */
export function problemText(problem: Finding): string {
  return formatFinding({ ...problem, origin: '' });
}
