import type { FactChange, FactKind, FactTypes, ObjectKind, Writer } from '../../model/facts.ts';
import type { NamespaceFact } from '../../model/namespace.ts';
import { objectKey } from '../../model/object.ts';
import type { ServiceCidrFact } from '../../model/service-cidr.ts';
import { parseEgressRule } from './egress-rule.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { parseFelixConfiguration } from './felix-configuration.ts';
import { readPrefix } from './fields.ts';
import { objectRef, openObject, type ParseContext } from './metadata.ts';
import { parseNode } from './node.ts';
import type { Parsed } from './parsed.ts';
import { parsePod } from './pod.ts';
import { parsePool } from './pool.ts';
import { parseService } from './service.ts';

interface KindReader<Fact> {
  /** API groups that serve the kind, in any version; the deciding one first. `v1`: the core group. */
  readonly groups: readonly string[];
  /** @param before the last good state of the object: a reader may take over what is the same */
  readonly parse: (object: unknown, context: ParseContext, before?: Fact | null) => Parsed<Fact>;
}

const kinds: { readonly [Kind in ObjectKind]: KindReader<FactTypes[Kind]> } = {
  Service: { groups: ['v1'], parse: parseService },
  EndpointSlice: { groups: ['discovery.k8s.io'], parse: parseEndpointSlice },
  Pod: { groups: ['v1'], parse: parsePod },
  Node: { groups: ['v1'], parse: parseNode },
  // The same name in two groups is one pool, Calico's.
  IPPool: { groups: ['projectcalico.org', 'crd.projectcalico.org', 'knat.dev'], parse: parsePool },
  FelixConfiguration: {
    groups: ['projectcalico.org', 'crd.projectcalico.org'],
    parse: parseFelixConfiguration,
  },
  Namespace: { groups: ['v1'], parse: parseNamespace },
  EgressRule: { groups: ['knat.dev'], parse: parseEgressRule },
  ServiceCIDR: { groups: ['networking.k8s.io'], parse: parseServiceCidr },
};

function parseNamespace(object: unknown, context: ParseContext): Parsed<NamespaceFact> {
  const { name, metadata, report } = openObject('Namespace', object, context.shared);
  return report.finish({ name: context.shared.text(name), labels: metadata.textMap('labels') });
}

/**
 * A ServiceCIDR (networking.k8s.io/v1). It counts until it is gone, even while it is being deleted: the API server
 * keeps it as long as a Service has an address in it.
 */
function parseServiceCidr(object: unknown, context: ParseContext): Parsed<ServiceCidrFact> {
  const { name, fields, report } = openObject('ServiceCIDR', object, context.shared);
  return report.finish({ name, cidrs: fields.object('spec').textParts('cidrs', readPrefix, 'needed') });
}

export type AnyFact = FactTypes[FactKind];

/**
 * The kind of fact and its rank: if several API groups have the same key, the lowest rank counts
 * (docs/spec/egress-nat.md, "IPPool objects"). Null: no kind that knat reads.
 */
export function factKindOf(apiVersion: string, kind: string): { kind: ObjectKind; rank: number } | null {
  if (!isObjectKind(kind)) return null;
  const rank = kinds[kind].groups.findIndex((group) =>
    group === 'v1' ? apiVersion === group : apiVersion.startsWith(`${group}/`),
  );
  return rank < 0 ? null : { kind, rank };
}

/** The kind of this name, in upper or lower case; null: no kind that knat reads. */
export function kindNamed(name: string): ObjectKind | null {
  const lower = name.toLowerCase();
  return (Object.keys(kinds) as ObjectKind[]).find((kind) => kind.toLowerCase() === lower) ?? null;
}

export function hasSeveralGroups(kind: ObjectKind): boolean {
  return kinds[kind].groups.length > 1;
}

function isObjectKind(kind: string): kind is ObjectKind {
  return Object.hasOwn(kinds, kind);
}

export function parseFact<Kind extends ObjectKind>(
  kind: Kind,
  object: unknown,
  context: ParseContext,
  before: FactTypes[Kind] | null = null,
): Parsed<FactTypes[Kind]> {
  return kinds[kind].parse(object, context, before);
}

/** The key of `FactChange` for an object, valid or not; empty if the object has no name. */
export function factKey(kind: ObjectKind, object: unknown): string {
  const ref = objectRef(kind, object);
  return ref.name === '' ? '' : objectKey(ref.namespace, ref.name);
}

/** The fact must be of that kind. */
export function factChange(kind: FactKind, key: string, fact: AnyFact | null, by?: Writer): FactChange {
  return (by === undefined ? { kind, key, fact } : { kind, key, fact, by }) as FactChange;
}
