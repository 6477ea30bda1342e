import type { Family } from '../../net/family.ts';
import { EXACT_CLASSES } from './pick-classes.ts';

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
  'pod_sources',
  'policy_local',
  'masquerade_always',
  'no_endpoints',
  'no_local_endpoints',
  'restricted',
  'allowed_sources',
] as const;

export type SetName = (typeof SET_NAMES)[number];

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

/**
 * The declarations of all sets and maps in nft's words, indented for the table. Always `typeof`: of a set that a newer
 * nft (1.1.3) declared with `type ipv4_addr`, an older one (1.0.6) cannot read the key and crashes, so that an operator
 * of a Debian 12 host could list nothing that the agent of a Debian 13 image loaded.
 */
export function setDeclarations(family: Family): string[] {
  const ip = family === 'IPv4' ? 'ip' : 'ip6';
  const frontend = `${ip} daddr . meta l4proto . th dport`;
  const endpoint = `${ip} daddr . th dport`;
  const address = `${ip} daddr`;
  const cell = `${ip} saddr . ${ip} daddr . meta l4proto . th dport`;
  const ranges = (comment: string) => `set % { typeof ${address}; flags interval; comment "${comment}"; }`;
  const interfaces = (comment: string) => `set % { typeof iifname; flags interval; comment "${comment}"; }`;
  const frontends = (comment: string) => `set % { typeof ${frontend}; comment "${comment}"; }`;
  const endpoints = (comment: string) =>
    `map % { typeof ${frontend} . numgen random mod 65536 : ${endpoint}; comment "${comment}"; }`;
  const ids = (comment: string) =>
    `map % { typeof ${frontend} . numgen random mod 65536 : ct mark; comment "${comment}"; }`;
  const many = (comment: string) => `map % { typeof ${frontend} : verdict; comment "${comment}"; }`;
  const [source, destination] = family === 'IPv4' ? [96, 128] : [64, 192];

  const declarations: Record<SetName, string> = {
    cluster_ips: `set % { typeof ${address}; comment "ClusterIPs: their unlisted ports are refused"; }`,
    service_cidrs: ranges('other addresses in here belong to no Service: dropped'),
    pods: ranges('what is a pod'),
    pod_interfaces: interfaces('who comes in by them is a pod'),
    masquerade_to_cluster_ip: ranges('sources that are masqueraded on the way to a ClusterIP'),
    unmasqueraded_interfaces: interfaces('but not who comes in by them'),
    invalid_dropped: ranges('pods: what conntrack cannot place is dropped'),
    egress_sources: ranges('whose packets are NATed: pools with natOutgoing'),
    egress_interfaces: interfaces('the same: who comes in by them'),
    egress_exempt: ranges('destinations without egress NAT: all pools'),
    egress_to: `map % { typeof ${cell} : verdict; flags interval; comment "EgressRules with destinations"; }`,
    egress_to_addresses: `map % { typeof ${cell} : ${ip} saddr; flags interval; comment "the same: addresses to leave with"; }`,
    egress_from: `map % { typeof ${ip} saddr : verdict; flags interval; comment "EgressRules for all that leaves the pools"; }`,
    egress_from_addresses: `map % { typeof ${ip} saddr : ${ip} saddr; flags interval; comment "the same: addresses to leave with"; }`,
    egress_address: `map % { typeof ${ip} saddr : ${ip} saddr; flags interval; comment "natOutgoingAddress"; }`,
    pod_nat_internal: ranges('destinations that bound pods reach with their own address'),
    same_byte: `set % { typeof @nh,${source},8 . @nh,${destination},8; comment "equal pairs"; }`,
    ...(Object.fromEntries(
      EXACT_CLASSES.map((count) => [
        `endpoints_${count}`,
        endpoints(`frontends with ${count} of them, by slot`),
      ]),
    ) as Record<`endpoints_${1 | 2 | 3 | 4}`, string>),
    endpoints_many: endpoints('frontends with more, by slot'),
    many: many('frontends in endpoints_many: the chain that draws'),
    many_local: many('the same for policy Local and outside sources'),
    affinity_frontends: frontends('session affinity'),
    affinity_timeouts: many('session affinity: the chain of its timeout'),
    ...(Object.fromEntries(
      EXACT_CLASSES.map((count) => [`affinity_ids_${count}`, ids(`ids of ${count} endpoints, by slot`)]),
    ) as Record<`affinity_ids_${1 | 2 | 3 | 4}`, string>),
    affinity_ids_many: ids('ids of more endpoints, by slot'),
    affinity_many: many('frontends in affinity_ids_many: the chain that draws'),
    affinity_many_local: many('the same for policy Local and outside sources'),
    affinity_endpoints: `map % { typeof ${frontend} . ct mark : ${endpoint}; comment "endpoints, by id"; }`,
    bindings: `map % { typeof ${frontend} : ${endpoint}; comment "Pod NAT: node address and port to pod"; }`,
    bound: frontends('those of bindings'),
    pod_sources: `map % { typeof ${ip} saddr . meta l4proto : ${ip} saddr; comment "Pod NAT: what a pod leaves with"; }`,
    policy_local: frontends('externalTrafficPolicy Local'),
    masquerade_always: frontends('externalTrafficPolicy Cluster'),
    no_endpoints: frontends('refused'),
    no_local_endpoints: frontends('policy Local without an endpoint here: dropped'),
    restricted: frontends('only for allowed_sources'),
    allowed_sources: `set % { typeof ${frontend} . ${ip} saddr; flags interval; comment "who may use restricted"; }`,
  };
  return SET_NAMES.map((name) => `  ${declarations[name].replace('%', name)}`);
}
