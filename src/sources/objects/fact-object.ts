import type { FactChange, FactKind, FactTypes, ObjectKind } from '../../model/facts.ts';
import { objectKey } from '../../model/object.ts';
import { parseEgressRule } from './egress-rule.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { felixGroupRank, parseFelixConfiguration } from './felix-configuration.ts';
import { objectRef, type ParseContext } from './metadata.ts';
import { parseNamespace } from './namespace.ts';
import { parseNode } from './node.ts';
import type { Parsed } from './parsed.ts';
import { parsePod } from './pod.ts';
import { parsePool, poolGroupRank } from './pool.ts';
import { parseService } from './service.ts';
import { parseServiceCidr } from './service-cidr.ts';

/** A parser for each kind of object. */
const parsers: { [Kind in ObjectKind]: (object: unknown, context: ParseContext) => Parsed<FactTypes[Kind]> } =
  {
    Service: parseService,
    EndpointSlice: parseEndpointSlice,
    Pod: parsePod,
    Node: parseNode,
    IPPool: parsePool,
    FelixConfiguration: parseFelixConfiguration,
    Namespace: parseNamespace,
    EgressRule: parseEgressRule,
    ServiceCIDR: parseServiceCidr,
  };

/** Any fact, where only its existence matters. */
export type AnyFact = FactTypes[FactKind];

/**
 * Which kind of fact an object is, and its rank among objects of the same key: 0 but for kinds that several API groups
 * serve, where the object of the lowest rank counts (docs/spec/egress-nat.md, "IPPool objects"). Null: no kind that knat
 * reads.
 */
export function factKindOf(apiVersion: string, kind: string): { kind: ObjectKind; rank: number } | null {
  switch (kind) {
    case 'Service':
    case 'Pod':
    case 'Node':
    case 'Namespace':
      return apiVersion === 'v1' ? { kind, rank: 0 } : null;
    case 'EndpointSlice':
      return apiVersion.startsWith('discovery.k8s.io/') ? { kind, rank: 0 } : null;
    case 'ServiceCIDR':
      return apiVersion.startsWith('networking.k8s.io/') ? { kind, rank: 0 } : null;
    case 'EgressRule':
      return apiVersion.startsWith('knat.dev/') ? { kind, rank: 0 } : null;
    case 'IPPool':
    case 'FelixConfiguration': {
      const rank = (kind === 'IPPool' ? poolGroupRank : felixGroupRank)(apiVersion);
      return rank === null ? null : { kind, rank };
    }
    default:
      return null;
  }
}

/** Parses an object of a kind. */
export function parseFact(kind: ObjectKind, object: unknown, context: ParseContext): Parsed<AnyFact> {
  return parsers[kind](object, context);
}

/** The key of `FactChange` for an object, valid or not; empty where the object has no name. */
export function factKey(kind: ObjectKind, object: unknown): string {
  const ref = objectRef(kind, object);
  return ref.name === '' ? '' : objectKey(ref.namespace, ref.name);
}

/** A change of one kind; the fact must be of that kind. */
export function factChange(kind: FactKind, key: string, fact: AnyFact | null): FactChange {
  return { kind, key, fact } as FactChange;
}
