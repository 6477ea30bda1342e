import { formatRef } from '../model/object.ts';
import { formatEndpoint } from '../net/address.ts';
import { formatPrefix } from '../net/prefix.ts';
import { type AddressSet, formatRange } from '../net/ranges.ts';
import type { PlanEntry } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';

/** An entry as plain JSON data in a fixed form: the one form for diff, golden files, `-o json` and the API. */
export type CanonicalEntry = Readonly<Record<string, string | number | null | readonly string[]>>;

/** The whole plan in canonical form: sorted by key, the same text for the same facts. */
export function canonicalPlan(plan: NatPlan): CanonicalEntry[] {
  return [...plan.entries()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(canonicalEntry);
}

export function canonicalEntry(entry: PlanEntry): CanonicalEntry {
  switch (entry.kind) {
    case 'ServiceFrontend':
      return {
        kind: entry.kind,
        key: entry.key,
        origin: entry.origin,
        owner: formatRef(entry.owner),
        portName: entry.portName,
        endpoints: entry.endpoints.map(({ address, port }) => formatEndpoint(address, port)),
        localEndpoints:
          entry.localEndpoints?.map(({ address, port }) => formatEndpoint(address, port)) ?? null,
        retained: entry.retained.map(({ address, port }) => formatEndpoint(address, port)),
        masquerade: entry.masquerade,
        unserved: entry.unserved,
        sourceRanges: entry.sourceRanges === null ? null : formatSet(entry.sourceRanges),
        affinityTimeoutSeconds: entry.affinityTimeoutSeconds,
      };
    case 'PodBinding':
      return {
        kind: entry.kind,
        key: entry.key,
        owner: formatRef(entry.owner),
        endpoint: formatEndpoint(entry.endpoint.address, entry.endpoint.port),
        sourceRanges: entry.sourceRanges === null ? null : formatSet(entry.sourceRanges),
      };
    case 'PodSource':
      return { kind: entry.kind, key: entry.key, owner: formatRef(entry.owner), snat: entry.snat };
    case 'ClusterAddress':
      return { kind: entry.kind, key: entry.key, owner: formatRef(entry.owner) };
    case 'FamilyScope':
      return {
        kind: entry.kind,
        key: entry.key,
        pods: formatSet(entry.pods),
        serviceCIDRs: formatSet(entry.serviceCIDRs),
        masqueradeToClusterIP: formatSet(entry.masqueradeToClusterIP),
        egressSources: formatSet(entry.egressSources),
        egressExempt: formatSet(entry.egressExempt),
        podNatInternal: formatSet(entry.podNatInternal),
        pools: entry.pools.map((pool) => `${pool.name}=${formatPrefix(pool.cidr)}`),
      };
    default:
      return entry satisfies never;
  }
}

/** The ranges of a set as texts, in order. */
export function formatSet(set: AddressSet): string[] {
  return set.ranges.map((range) => formatRange(set.family, range));
}
