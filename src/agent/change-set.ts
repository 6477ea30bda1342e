import { deepEqual } from '../model/equal.ts';
import {
  FACT_KINDS,
  type FactChange,
  type FactKind,
  type FactTypes,
  type ObjectKind,
} from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import { formatRef } from '../model/object.ts';
import type { ServiceFact } from '../model/service.ts';
import { InvalidQuery } from '../observe/invalid-query.ts';
import type { Planner } from '../plan/planner.ts';
import { appliedTo } from '../sources/objects/applied.ts';
import { factChange, factKey, factKindOf, kindNamed, parseFact } from '../sources/objects/fact-object.ts';
import { notAnObject } from '../sources/objects/file-objects.ts';
import { readManifest } from '../sources/objects/manifest.ts';
import { fieldSteps } from '../sources/objects/manifest-root.ts';
import { objectRef, type ParseContext } from '../sources/objects/metadata.ts';

type Facts = Planner['facts'];

/** What a change does not say by itself. */
export interface ChangeNote {
  readonly about: string;
  readonly reason: string;
}

/** Objects that a change adds, replaces or removes; each once. */
export interface ChangeSet {
  readonly changes: readonly FactChange[];
  readonly problems: readonly Finding[];
  readonly notes: readonly ChangeNote[];
}

/** A manifest, and its name for messages. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/**
 * The change that applying manifests and deleting objects makes. Later documents replace earlier ones of the same
 * object. Throws InvalidQuery for what is no manifest, for manifests without any object, and for a deletion of what
 * does not exist.
 * @param facts the state before
 */
export function changeSetOf(
  manifests: readonly NamedText[],
  deletions: readonly string[],
  facts: Facts,
  context: ParseContext,
): ChangeSet {
  const changes = new Map<string, FactChange>();
  const problems: Finding[] = [];
  const notes: ChangeNote[] = [];
  let isEmpty = deletions.length === 0;
  for (const { name, text } of manifests) {
    const documents = readManifest(text, name);
    if ('message' in documents) throw new InvalidQuery(`${name}:${documents.line}: ${documents.message}`);
    for (const document of documents) {
      const { apiVersion, kind: written, value, lineOf, line } = document;
      const fault = notAnObject(document);
      if (fault !== null) throw new InvalidQuery(`${name}:${line}: ${fault}`);
      isEmpty = false;
      const kind = factKindOf(apiVersion, written)?.kind;
      if (kind === undefined) {
        notes.push(unreadNote(written, value));
        continue;
      }
      const parsed = parseFact(kind, value, context);
      const found = parsed.ok ? parsed.warnings : parsed.problems;
      for (const each of found)
        problems.push({ ...each, origin: `${name}:${lineOf(fieldSteps(each.field))}` });
      const key = factKey(kind, value);
      if (!parsed.ok || key === '') {
        const what = key === '' ? `${written} in line ${line}` : formatRef(objectRef(kind, value));
        notes.push({
          about: 'unusable',
          reason: `${what}: cannot be used as it is written, so it changes nothing`,
        });
        continue;
      }
      const former = facts.of(kind).get(key);
      const fact = parsed.fact === null ? null : appliedTo(kind, parsed.fact, former, value);
      changes.set(`${kind} ${key}`, factChange(kind, key, fact));
      if (kind === 'Service' && fact !== null) notes.push(...assignedNotes(fact as ServiceFact, value));
    }
  }
  // As kubectl apply: a pipeline whose first program failed hands over nothing, which is no answer "nothing changes".
  if (isEmpty) throw new InvalidQuery(`no object is in ${manifests.map(({ name }) => name).join(', ')}`);
  for (const text of deletions) {
    const { kind, key } = deletedObject(text, facts);
    changes.set(`${kind} ${key}`, factChange(kind, key, null));
    if (kind === 'Pod') {
      const reason = `Pod ${key}: the EndpointSlices that name it are taken as they are; the cluster removes it from them`;
      notes.push({ about: 'endpoints', reason });
    }
  }
  return { changes: [...changes.values()], problems, notes };
}

function unreadNote(kind: string, value: unknown): ChangeNote {
  // Whether the kind has namespaces is unknown, so none is filled in.
  const { metadata } = value as { metadata?: { namespace?: unknown; name?: unknown } };
  const textOf = (field: unknown) => (typeof field === 'string' ? field : '');
  const ref = { kind, namespace: textOf(metadata?.namespace), name: textOf(metadata?.name) };
  return {
    about: 'not-read',
    reason: `${formatRef(ref)}: knat reads no such objects; what the cluster makes of it, such as Pods, is not considered`,
  };
}

function assignedNotes(fact: ServiceFact, manifest: unknown): ChangeNote[] {
  const { namespace, name, notOurs, clusterIPs, ports } = fact;
  if (notOurs !== null) return [];
  const type = (manifest as { spec?: { type?: unknown } }).spec?.type;
  const missing = [
    ...(clusterIPs.length === 0 ? ['its ClusterIP'] : []),
    ...((type === 'NodePort' || type === 'LoadBalancer') && ports.some(({ nodePort }) => nodePort === null)
      ? ['its NodePorts']
      : []),
  ];
  return missing.map((what) => ({
    about: 'assigned',
    reason: `Service ${namespace}/${name}: the API server assigns ${what}, so the classes lack them`,
  }));
}

/** `KIND/NAMESPACE/NAME`, or `KIND/NAME` for objects without a namespace. */
function deletedObject(text: string, facts: Facts): { kind: ObjectKind; key: string } {
  const [written = '', ...names] = text.split('/');
  const kind = kindNamed(written);
  if (kind === null)
    throw new InvalidQuery(`delete: "${text}": knat reads no objects of the kind "${written}"`);
  const key = names.join('/');
  if (!facts.of(kind).has(key)) throw new InvalidQuery(`delete: there is no ${kind} ${key}`);
  return { kind, key };
}

/** Kinds that a cluster makes by itself: a folder that has none of them leaves them to the cluster. */
const MADE_BY_CLUSTERS: readonly FactKind[] = ['EndpointSlice', 'Pod', 'Node', 'Namespace', 'ServiceCIDR'];

/**
 * The change that leads from one state to the other.
 * @param isApplied the other state is applied to a cluster: what the cluster fills in stays as it is
 */
export function differenceOfFacts(before: Facts, after: Facts, isApplied: boolean): ChangeSet {
  const changes: FactChange[] = [];
  const notes: ChangeNote[] = [];
  for (const kind of FACT_KINDS) {
    const [was, becomes] = [before.of(kind), after.of(kind)];
    if (isApplied && becomes.size === 0 && was.size > 0 && MADE_BY_CLUSTERS.includes(kind)) {
      notes.push({ about: 'not-given', reason: `no ${kind} is given, so those of the cluster are used` });
      continue;
    }
    for (const key of new Set([...was.keys(), ...becomes.keys()])) {
      const given: FactTypes[FactKind] | undefined = becomes.get(key);
      const former = was.get(key);
      const fact = given === undefined ? null : isApplied ? appliedTo(kind, given, former, null) : given;
      if (!deepEqual(fact ?? undefined, former)) changes.push({ kind, key, fact } as FactChange);
    }
  }
  return { changes, problems: [], notes };
}
