import type { FactTypes } from '../model/facts.ts';
import type { FelixConfigurationFact } from '../model/felix-configuration.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { IpMasqAgentFact } from '../model/ip-masq-agent.ts';
import type { NodeFact, NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { hostPrefix, type Prefix, prefixSet } from '../net/prefix.ts';
import { type AddressSet, complementOf, differenceOf, unionOf } from '../net/ranges.ts';
import { LINK_LOCAL } from '../net/special-address.ts';
import {
  egressExempt,
  natOutgoingAddresses,
  overriddenPools,
  type PlacedPool,
  placedPools,
} from './egress-pools.ts';
import { type EgressSettings, egressSettings } from './egress-settings.ts';
import type { EgressScope, FamilyScope } from './entry.ts';
import { scopeKey } from './entry-key.ts';
import type { FactStore } from './fact-store.ts';
import { type Fragment, isolated, unusable } from './fragment.ts';
import type { PlanOptions } from './options.ts';
import { podNetworks, possiblePodNetworks } from './stray-pods.ts';

/** What the scope is computed from, in addition to the facts of this node and the options. */
export interface ScopeFacts {
  readonly pools: readonly PoolFact[];
  readonly nodes: readonly NodeFact[];
  readonly felix?: FelixConfigurationFact | undefined;
  readonly ipMasqAgent?: IpMasqAgentFact | undefined;
  /** Ranges of ServiceCIDR objects; the node facts have others. */
  readonly serviceCIDRs?: readonly Prefix[];
  /** Addresses of Services that other proxies serve. */
  readonly othersAddresses?: readonly IpAddress[];
  /** As `strayPods` finds them. */
  readonly strayPods?: readonly IpAddress[];
}

/** The fragment of the scope, with one entry for each family. */
export interface ScopeFragment extends Fragment {
  readonly scopes: Readonly<Record<Family, FamilyScope>>;
}

/**
 * The address sets of both families, from the node facts, all pools and all Nodes. docs/spec/egress-nat.md, "The
 * decision".
 */
export function scopeFragment(facts: ScopeFacts, node: NodeFacts, options: PlanOptions): ScopeFragment {
  const placed = { IPv4: placedPools('IPv4', facts.pools), IPv6: placedPools('IPv6', facts.pools) };
  const settings = egressSettings(options.egress, facts.felix, node);
  const scope = (family: Family) => familyScope(family, placed[family], facts, node, options, settings);
  const scopes = { IPv4: scope('IPv4'), IPv6: scope('IPv6') };
  const overridden = FAMILIES.flatMap((family) =>
    overriddenPools(placed[family], options.egress.mostSpecificPoolWins),
  );
  return {
    scopes,
    entries: FAMILIES.map((family) => scopes[family]),
    notices: options.enable.egress
      ? [...overridden, ...settings.notices, ...withoutSource(facts.ipMasqAgent, scopes, node.nodeName)]
      : [],
  };
}

function familyScope(
  family: Family,
  placed: readonly PlacedPool[],
  facts: ScopeFacts,
  node: NodeFacts,
  options: PlanOptions,
  settings: EgressSettings,
): FamilyScope {
  const { enable, internalNetworks, dropInvalid } = options;
  const pools = placed.map(({ pool }) => pool);
  const nodeAddresses = [node.localAddresses, ...facts.nodes.map(({ addresses }) => addresses)]
    .flat()
    .map(({ address }) => hostPrefix(address));
  const none: AddressSet = { family, ranges: [] };
  const stray = prefixSet(family, (facts.strayPods ?? []).map(hostPrefix));
  const networks = prefixSet(family, podNetworks(node, pools));
  const asPods = node.podAddressesFrom.includes('Pod') ? union(networks, stray) : networks;
  const serviceRanges = [...node.serviceCIDRs, ...(facts.serviceCIDRs ?? [])];
  // Packets to Services of other proxies must not be dropped, although their addresses are in these ranges.
  const others = prefixSet(family, (facts.othersAddresses ?? []).map(hostPrefix));
  const serviceCIDRs = differenceOf(prefixSet(family, serviceRanges), others);
  const egress = enable.egress
    ? egressScope(family, { ...facts, pools }, node, options, settings)
    : NO_EGRESS;
  const hosts = egress.hosts.map(({ address }) => hostPrefix(address));
  const sources = enable.egress ? natOutgoingAddresses(family, placed, egress.mostSpecificWins) : none;
  return {
    kind: 'FamilyScope',
    key: scopeKey(family),
    family,
    pods: enable.service ? asPods : none,
    podInterface: enable.service ? node.podInterface : null,
    serviceCIDRs: enable.service ? serviceCIDRs : none,
    masqueradeToClusterIP: enable.service ? clusterIPMasquerade(networks, asPods, node) : none,
    unmasqueradedInterface: enable.service && !node.masqueradeAll ? node.podInterface : null,
    invalidDropped:
      enable.service && dropInvalid
        ? union(prefixSet(family, [...node.podCIDRs, ...node.podNetworks, ...egressExempt(pools)]), stray)
        : none,
    egressSources: union(sources, egress.ipMasqAgent?.sources),
    egressInterface:
      egress.ipMasqAgent === null || options.egress.masqueradeHostTraffic ? null : node.podInterface,
    egressExempt: enable.egress
      ? union(prefixSet(family, [...egressExempt(pools), ...hosts]), egress.ipMasqAgent?.exempt)
      : none,
    egress,
    podNatInternal: enable.pod
      ? prefixSet(family, [
          ...internalNetworks,
          ...possiblePodNetworks(node, pools),
          ...serviceRanges,
          ...nodeAddresses,
        ])
      : none,
    pools,
  };
}

const NO_EGRESS: EgressScope = Object.freeze({
  address: null,
  ports: [],
  interfaceFilter: null,
  mostSpecificWins: false,
  hosts: [],
  ipMasqAgent: null,
});

function egressScope(
  family: Family,
  { pools, nodes, ipMasqAgent, strayPods = [] }: ScopeFacts,
  node: NodeFacts,
  { egress }: PlanOptions,
  settings: EgressSettings,
): EgressScope {
  const everyNode = nodes.flatMap(({ name, addresses }) =>
    addresses.map(({ address }) => ({ node: name, address })),
  );
  const networks = possiblePodNetworks(node, pools);
  return {
    address: settings.address[family],
    ports: settings.ports,
    interfaceFilter: settings.interfaceFilter,
    mostSpecificWins: egress.mostSpecificPoolWins,
    hosts:
      settings.exclusions === 'IPPoolsAndHostIPs'
        ? everyNode
            .filter(({ address }) => familyOf(address) === family)
            .sort((a, b) => (a.node < b.node || (a.node === b.node && a.address < b.address) ? -1 : 1))
        : [],
    ipMasqAgent:
      ipMasqAgent === undefined
        ? null
        : ipMasqScope(family, ipMasqAgent, [...networks, ...strayPods.map(hostPrefix)], egress),
  };
}

/** A notice if a file of ip-masq-agent is in force and no source on this node is known. */
function withoutSource(
  ipMasqAgent: IpMasqAgentFact | undefined,
  scopes: ScopeFragment['scopes'],
  nodeName: string,
): Notice[] {
  const hasSource = FAMILIES.some((family) => {
    const { egress, egressInterface } = scopes[family];
    return egressInterface !== null || (egress.ipMasqAgent?.sources.ranges.length ?? 0) > 0;
  });
  if (ipMasqAgent === undefined || hasSource) return [];
  const message =
    `${ipMasqAgent.name} is in force and masquerades nothing on this node: it has no pod CIDRs, and neither ` +
    'IPPools nor Pods of this node are known; name the networks of pods (--cluster-cidr, IPPools) or their ' +
    'interface (--detect-local-mode)';
  return [findingOf('NatInvalid', refOf('Node', { name: nodeName }), message)];
}

/**
 * ip-masq-agent masquerades everything that leaves the node. Here: what pods send and, with `masqueradeHostTraffic`,
 * what the host sends. IPv6 is masqueraded only if the file names a network of IPv6.
 */
function ipMasqScope(
  family: Family,
  { nonMasqueradeCIDRs, masqLinkLocal, masqLinkLocalIPv6 }: IpMasqAgentFact,
  pods: readonly Prefix[],
  { masqueradeHostTraffic }: PlanOptions['egress'],
): EgressScope['ipMasqAgent'] {
  const linkLocal = family === 'IPv4' ? masqLinkLocal : masqLinkLocalIPv6;
  if (family === 'IPv6' && !nonMasqueradeCIDRs.some((cidr) => cidr.family === 'IPv6')) return null;
  return {
    sources: masqueradeHostTraffic ? complementOf(unionOf(family, [])) : prefixSet(family, pods),
    exempt: prefixSet(family, linkLocal ? nonMasqueradeCIDRs : [...nonMasqueradeCIDRs, LINK_LOCAL[family]]),
  };
}

function union(set: AddressSet, more: AddressSet | undefined): AddressSet {
  return more === undefined ? set : unionOf(set.family, [...set.ranges, ...more.ranges]);
}

/**
 * The sources that are masqueraded on the way to a ClusterIP:
 * - masqueradeAll: every source.
 * - Pods recognised by interface: every source except traffic that enters by it (`unmasqueradedInterface`).
 * - Networks of pods known: everything outside them.
 * - Otherwise nothing, since pods could not be excluded.
 */
function clusterIPMasquerade(
  networks: AddressSet,
  pods: AddressSet,
  { masqueradeAll, podInterface }: Pick<NodeFacts, 'masqueradeAll' | 'podInterface'>,
): AddressSet {
  if (masqueradeAll || podInterface !== null) return complementOf(unionOf(networks.family, []));
  return networks.ranges.length === 0 ? networks : complementOf(pods);
}

type ScopeKind = 'IPPool' | 'Node' | 'ServiceCIDR' | 'FelixConfiguration' | 'IpMasqAgent';

type ScopeObject = {
  [Kind in ScopeKind]: { readonly kind: Kind; readonly fact: FactTypes[Kind] };
}[ScopeKind];

/** For a file of this node, the notice about an unusable object is on its Node. */
export function isolatedScope(
  facts: FactStore,
  node: NodeFacts,
  options: PlanOptions,
  more: Pick<ScopeFacts, 'strayPods' | 'othersAddresses'>,
): ScopeFragment {
  const { result, faulty } = isolated(scopeObjects(facts), (objects) =>
    scopeFragment({ ...scopeFacts(objects), ...more }, node, options),
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
