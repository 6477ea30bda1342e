import type { Family } from '../../net/family.ts';
import { EXACT_CLASSES } from './pick-classes.ts';
import { concat, ctMark, dport, iifname, l4proto, random, set, sport } from './ruleset/build.ts';
import type { SetNode } from './ruleset/nodes.ts';
import { wordsOf } from './words.ts';

/** All sets and maps of our table; their elements are ours alone. */
export const SET_NAMES = [
  'cluster_ips',
  'service_cidrs',
  'pods',
  'pod_interfaces',
  'masquerade_to_cluster_ip',
  'unmasqueraded_interfaces',
  'invalid_dropped',
  'egress_sources',
  'egress_interfaces',
  'egress_exempt',
  'egress_to',
  'egress_to_addresses',
  'egress_from',
  'egress_from_addresses',
  'egress_address',
  'pod_nat_internal',
  'same_byte',
  'endpoints_1',
  'endpoints_2',
  'endpoints_3',
  'endpoints_4',
  'endpoints_many',
  'many',
  'many_local',
  'affinity_frontends',
  'affinity_timeouts',
  'affinity_ids_1',
  'affinity_ids_2',
  'affinity_ids_3',
  'affinity_ids_4',
  'affinity_ids_many',
  'affinity_many',
  'affinity_many_local',
  'affinity_endpoints',
  'bindings',
  'bound',
  'range_addresses',
  'binding_ranges',
  'bound_ranges',
  'bound_sources',
  'pod_ports',
  'pod_port_ranges',
  'pod_sources',
  'source_ports',
  'egress_ports',
  'policy_local',
  'masquerade_always',
  'no_endpoints',
  'no_local_endpoints',
  'restricted',
  'restricted_ranges',
  'allowed_sources',
] as const;

export type SetName = (typeof SET_NAMES)[number];

/** Sets with elements that several entries of the plan have in common: there while one of them is. */
export const SHARED_SETS = [
  'range_addresses',
  'bound_sources',
  'allowed_sources',
] as const satisfies readonly SetName[];

/** Sets whose elements are ranges of interface names: a name, or all that begin so. */
export const INTERFACE_SETS = [
  'pod_interfaces',
  'unmasqueraded_interfaces',
  'egress_interfaces',
] as const satisfies readonly SetName[];

/** Sets and maps whose elements are ranges of one field; range-elements.ts tells how the kernel has them. */
export const RANGE_SETS = [
  ...INTERFACE_SETS,
  'service_cidrs',
  'pods',
  'masquerade_to_cluster_ip',
  'invalid_dropped',
  'egress_sources',
  'egress_exempt',
  'egress_from',
  'egress_from_addresses',
  'egress_address',
  'pod_nat_internal',
] as const satisfies readonly SetName[];

/** Sets that packets fill; they go along when the table is replaced, and are not read with ours. */
const DYNAMIC_NAMES = ['affinity_clients', 'affinity_ct_marks'] as const;
type DynamicName = (typeof DYNAMIC_NAMES)[number];

export type Sets = Readonly<Record<SetName | DynamicName, SetNode>>;

/** All sets and maps of a family's table. */
export function setsOf(family: Family): Sets {
  return byFamily[family];
}

/** In the order in which they stand in the table. */
export function allSets(family: Family): readonly SetNode[] {
  return [...SET_NAMES, ...DYNAMIC_NAMES].map((name) => byFamily[family][name]);
}

function makeSets(family: Family): Sets {
  const { saddr, daddr, frontend, endpoint, sender, draw, cell, hairpinByte } = wordsOf(family);
  const ports = concat(dport, dport);
  /** Names a list of sources: half a hash each. */
  const list = concat(ctMark, ctMark);
  const slot = concat(frontend, random(65536));
  const ranges = (comment: string) => ({ key: daddr, comment, interval: true });
  const interfaces = (comment: string) => ({ key: iifname, comment, interval: true });
  const frontends = (comment: string) => ({ key: frontend, comment });
  const endpoints = (comment: string) => ({ key: slot, data: endpoint, comment });
  const ids = (comment: string) => ({ key: slot, data: ctMark, comment });
  const many = (comment: string) => ({ key: frontend, data: 'verdict' as const, comment });
  const draws = <Name extends string>(name: Name, make: (count: number) => Declaration) =>
    Object.fromEntries(EXACT_CLASSES.map((count) => [`${name}_${count}`, make(count)])) as Record<
      `${Name}_${1 | 2 | 3 | 4}`,
      Declaration
    >;
  // A number of 32 bits stands for what `typeof` cannot name: a hash.
  const hash = random(2);
  const addresses = family === 'IPv4' ? [saddr, daddr] : [hash, hash];

  const declarations: Readonly<Record<SetName | DynamicName, Declaration>> = {
    cluster_ips: { key: daddr, comment: 'ClusterIPs: their unlisted ports are refused' },
    service_cidrs: ranges('other addresses in here belong to no Service: dropped'),
    pods: ranges('what is a pod'),
    pod_interfaces: interfaces('who comes in by them is a pod'),
    masquerade_to_cluster_ip: ranges('sources that are masqueraded on the way to a ClusterIP'),
    unmasqueraded_interfaces: interfaces('interfaces whose traffic is never masqueraded to a ClusterIP'),
    invalid_dropped: ranges('pods: what conntrack cannot place is dropped'),
    egress_sources: ranges('whose packets are NATed: pools with natOutgoing'),
    egress_interfaces: interfaces('the same: who comes in by them'),
    egress_exempt: ranges('destinations without egress NAT: all pools'),
    egress_to: { key: cell, data: 'verdict', interval: true, comment: 'EgressRules with destinations' },
    egress_to_addresses: {
      key: cell,
      data: saddr,
      interval: true,
      comment: 'the same: addresses to leave with',
    },
    egress_from: {
      key: saddr,
      data: 'verdict',
      interval: true,
      comment: 'EgressRules for all that leaves the pools',
    },
    egress_from_addresses: {
      key: saddr,
      data: saddr,
      interval: true,
      comment: 'the same: addresses to leave with',
    },
    egress_address: { key: saddr, data: saddr, interval: true, comment: 'natOutgoingAddress' },
    pod_nat_internal: ranges('destinations that bound pods reach with their own address'),
    same_byte: { key: hairpinByte(0), comment: 'equal pairs' },
    ...draws('endpoints', (count) => endpoints(`frontends with ${count} of them, by slot`)),
    endpoints_many: endpoints('frontends with more, by slot'),
    many: many('frontends in endpoints_many: the chain that draws'),
    many_local: many('the same for policy Local and outside sources'),
    affinity_frontends: frontends('session affinity'),
    affinity_timeouts: many('session affinity: the chain of its timeout'),
    ...draws('affinity_ids', (count) => ids(`ids of ${count} endpoints, by slot`)),
    affinity_ids_many: ids('ids of more endpoints, by slot'),
    affinity_many: many('frontends in affinity_ids_many: the chain that draws'),
    affinity_many_local: many('the same for policy Local and outside sources'),
    affinity_endpoints: { key: concat(frontend, ctMark), data: endpoint, comment: 'endpoints, by id' },
    bindings: { key: frontend, data: endpoint, comment: 'Pod NAT: node address and port to pod' },
    bound: frontends('those of bindings'),
    range_addresses: { key: daddr, comment: 'addresses that have any of the following ranges' },
    binding_ranges: {
      key: frontend,
      data: endpoint,
      interval: true,
      intervalData: true,
      comment: 'Pod NAT: node address and ports to pod and its ports',
    },
    bound_ranges: { key: frontend, interval: true, comment: 'those of bindings' },
    bound_sources: { key: saddr, comment: 'pods that leave with an address of their own' },
    pod_ports: { key: sender, data: endpoint, comment: 'Pod NAT: what a port of a pod leaves as' },
    pod_port_ranges: {
      key: sender,
      data: endpoint,
      interval: true,
      intervalData: true,
      comment: 'the same of several ports',
    },
    source_ports: {
      key: draw,
      data: ports,
      interval: true,
      comment: 'ports that nobody owns, by a random number',
    },
    egress_ports: { key: draw, data: ports, interval: true, comment: 'of these within natPortRange' },
    pod_sources: { key: concat(saddr, l4proto), data: saddr, comment: 'Pod NAT: what a pod leaves with' },
    policy_local: frontends('externalTrafficPolicy Local'),
    masquerade_always: frontends('externalTrafficPolicy Cluster'),
    no_endpoints: frontends('refused'),
    no_local_endpoints: frontends('policy Local without an endpoint here: dropped'),
    restricted: { key: frontend, data: list, comment: 'who may use it: a list of allowed_sources' },
    restricted_ranges: { key: frontend, data: list, interval: true, comment: 'the same of several ports' },
    allowed_sources: { key: concat(saddr, list), interval: true, comment: 'lists of sources' },
    affinity_clients: {
      key: concat(...addresses, l4proto, dport),
      data: ctMark,
      dynamicSize: 4_194_304,
      comment: 'client and frontend: id of the endpoint',
    },
    affinity_ct_marks: {
      key: concat(hash, l4proto, sport, dport),
      data: ctMark,
      dynamicSize: 262_144,
      comment: 'marks of others',
    },
  };
  const sets = Object.entries(declarations).map(([name, { key, comment, ...options }]) => [
    name,
    set(name, key, comment, options),
  ]);
  return Object.freeze(Object.fromEntries(sets)) as Sets;
}

type Declaration = Pick<SetNode, 'key' | 'comment'> &
  Partial<Pick<SetNode, 'data' | 'interval' | 'intervalData' | 'dynamicSize'>>;

const byFamily: Readonly<Record<Family, Sets>> = { IPv4: makeSets('IPv4'), IPv6: makeSets('IPv6') };
