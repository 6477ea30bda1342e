import type { FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import type { FactStore } from './fact-store.ts';
import { isolated, unusable } from './fragment.ts';
import type { PlanOptions } from './options.ts';
import { type ScopeFacts, type ScopeFragment, scopeFragment } from './scope.ts';

type ScopeKind = 'IPPool' | 'Node' | 'ServiceCIDR' | 'FelixConfiguration' | 'IpMasqAgent';

/** One of the objects that the scope is computed from. */
type ScopeObject = {
  [Kind in ScopeKind]: { readonly kind: Kind; readonly fact: FactTypes[Kind] };
}[ScopeKind];

/** The scope of all usable objects, with a notice for each unusable one; for a file of this node, the notice is on its Node. */
export function isolatedScope(
  facts: FactStore,
  node: NodeFacts,
  options: PlanOptions,
  beside: Pick<ScopeFacts, 'strayPods' | 'othersAddresses'>,
): ScopeFragment {
  const { result, faulty } = isolated(scopeObjects(facts), (objects) =>
    scopeFragment({ ...scopeFacts(objects), ...beside }, node, options),
  );
  const left = faulty.map(({ item: { kind, fact }, error }) =>
    unusable(kind === 'IpMasqAgent' ? refOf('Node', { name: node.nodeName }) : refOf(kind, fact), error),
  );
  return { ...result, notices: [...result.notices, ...left] };
}

function scopeObjects(facts: FactStore): ScopeObject[] {
  const felix = facts.of('FelixConfiguration').get('default');
  const [file] = facts.of('IpMasqAgent').values();
  return [
    ...[...facts.of('IPPool').values()].map((fact) => ({ kind: 'IPPool' as const, fact })),
    ...[...facts.of('Node').values()].map((fact) => ({ kind: 'Node' as const, fact })),
    ...[...facts.of('ServiceCIDR').values()].map((fact) => ({ kind: 'ServiceCIDR' as const, fact })),
    ...(felix === undefined ? [] : [{ kind: 'FelixConfiguration' as const, fact: felix }]),
    ...(file === undefined ? [] : [{ kind: 'IpMasqAgent' as const, fact: file }]),
  ];
}

function scopeFacts(objects: readonly ScopeObject[]): ScopeFacts {
  return {
    pools: objects.flatMap(({ kind, fact }) => (kind === 'IPPool' ? [fact] : [])),
    nodes: objects.flatMap(({ kind, fact }) => (kind === 'Node' ? [fact] : [])),
    serviceCIDRs: objects.flatMap(({ kind, fact }) => (kind === 'ServiceCIDR' ? fact.cidrs : [])),
    felix: objects.flatMap(({ kind, fact }) => (kind === 'FelixConfiguration' ? [fact] : []))[0],
    ipMasqAgent: objects.flatMap(({ kind, fact }) => (kind === 'IpMasqAgent' ? [fact] : []))[0],
  };
}
