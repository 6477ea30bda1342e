/**
 * The one table of what is in the kernel: a row for each set and map. Declarations, the bytes of keys and values, their text
 * in `diff`, whose an element is, and what stays while objects cannot be read are all read from here. docs/design/ruleset.md
 * says step by step how to add a row.
 */
import type { FactKind } from '../../model/facts.ts';
import type { Family } from '../../net/family.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import { type Fields, fieldsOf } from './fields.ts';

/** What happens to elements in the kernel while objects that they may come from could not be read since the start. */
export type WhileUnread =
  /** The plan decides: they come from no object. */
  | 'plan'
  /** What belongs to no entry of the plan stays. */
  | 'entry'
  /** As `entry`; while a Node is unread, the value that stands is not replaced either. */
  | 'entry and value'
  /** Ranges: those of the plan, and those that stand. */
  | 'union'
  /** What stands stays where the plan has nothing. */
  | 'plan first'
  /** What the plan has is for where nothing stands. */
  | 'standing first'
  /** Sources that are masqueraded to ClusterIPs: those that are, without what the plan takes for pods. */
  | 'all but pods'
  /** What stands of a source stays as a whole where the plan does not know better. */
  | 'source'
  /** Packets fill the set, not we: its elements are neither read nor written, and go along when the table is replaced. */
  | 'packets';

/** A row as it is written down. No column may be left out but those that are false for most. */
export interface Columns {
  readonly comment: string;
  readonly key: Fields;
  /** What a map's value is. */
  readonly data?: Fields | 'verdict';
  /** Keys are ranges. */
  readonly interval?: true;
  /** Values are ranges: the first of all fields, then the last of all fields. */
  readonly intervalData?: true;
  /** So many elements at most, each with a timeout. */
  readonly dynamicSize?: number;
  /** The kinds of plan entries that its elements come from; none: every table has the same. */
  readonly entries: readonly PlanEntry['kind'][];
  /** Several entries may have one element: it is there while one of them is. */
  readonly isShared?: true;
  /** The kinds of objects that these entries come from, as far as this set is concerned. */
  readonly objects: readonly FactKind[];
  readonly unread: WhileUnread;
  /** Its elements decide which address a source leaves with: that of their first field, or every source. */
  readonly translates?: 'its source' | 'every source';
}

const ofFrontends = {
  entries: ['ServiceFrontend'],
  objects: ['Service', 'EndpointSlice', 'Node'],
  unread: 'entry',
} as const;
const ofPods = { objects: ['Pod', 'Namespace', 'Node'], unread: 'entry' } as const;
const ofBindings = { entries: ['PodBinding'], ...ofPods } as const;
const ofPodSources = { entries: ['PodSource'], ...ofPods } as const;
const ofPodPorts = { entries: ['PodSourcePort'], ...ofPods } as const;
const ofBoth = {
  entries: ['ServiceFrontend', 'PodBinding'],
  objects: ['Service', 'EndpointSlice', 'Node', 'Pod', 'Namespace'],
  unread: 'entry',
} as const;
const ofScope = <Unread extends WhileUnread>(unread: Unread, ...objects: readonly FactKind[]) =>
  ({ entries: ['FamilyScope'], objects, unread }) as const;
const ofSettings = ofScope('plan');
const ofEgressRules = {
  entries: ['EgressSource'],
  objects: ['EgressRule', 'Pod', 'Namespace', 'IPPool', 'Node', 'FelixConfiguration', 'IpMasqAgent'],
  unread: 'source',
} as const;
const ofTheirOutcomes = { ...ofEgressRules, translates: 'its source' } as const;
const byPackets = { entries: [], objects: [], unread: 'packets' } as const;

/** In the order in which they stand in the table. */
export function columnsOf(family: Family) {
  const { saddr, daddr, protocol, frontend, endpoint, sender, cell, draw, ports } = fieldsOf(family);
  const { chainNumber, numberOfChain, slot, id, list, interfaceName, hairpinByte, client } = fieldsOf(family);
  const ranges = { key: [daddr], interval: true } as const;
  const interfaces = { key: [interfaceName], interval: true } as const;
  const endpoints = { key: [...frontend, slot], data: endpoint, ...ofFrontends } as const;
  const ids = { key: [...frontend, slot], data: [id], ...ofFrontends } as const;
  const numbers = { key: frontend, data: [chainNumber], ...ofFrontends } as const;
  const chains = { key: [numberOfChain], data: 'verdict', ...ofFrontends, isShared: true } as const;
  const verdicts = { key: frontend, data: 'verdict', ...ofFrontends } as const;
  const frontends = { key: frontend, ...ofFrontends } as const;
  const byCell = { key: cell, interval: true, ...ofTheirOutcomes } as const;
  const bySource = { key: [saddr], interval: true, ...ofTheirOutcomes } as const;
  const drawn = {
    key: draw,
    data: [ports],
    interval: true,
    entries: ['SourcePorts'],
    unread: 'standing first',
  } as const;
  const shifted = { data: endpoint, interval: true, intervalData: true } as const;

  return {
    frontend_addresses: {
      comment: 'addresses with rules; packets to all others pass after this lookup',
      key: [daddr],
      ...ofBoth,
      entries: ['ServiceFrontend', 'PodBinding', 'ClusterAddress'],
      isShared: true,
    },
    cluster_ips: {
      comment: 'ClusterIPs; ports that no Service has there are refused',
      key: [daddr],
      ...ofFrontends,
      entries: ['ClusterAddress'],
    },
    service_cidrs: {
      comment: 'Service networks; packets to addresses of no Service are dropped',
      ...ranges,
      ...ofScope('union', 'ServiceCIDR'),
    },
    pods: { comment: 'sources that count as pods', ...ranges, ...ofScope('union', 'Node', 'IPPool', 'Pod') },
    pod_interfaces: {
      comment: 'packets that enter by these interfaces come from pods',
      ...interfaces,
      ...ofSettings,
    },
    masquerade_to_cluster_ip: {
      comment: 'sources that are masqueraded to a ClusterIP',
      ...ranges,
      ...ofScope('all but pods', 'Node', 'IPPool', 'Pod'),
    },
    unmasqueraded_interfaces: {
      comment: 'interfaces whose traffic is never masqueraded to a ClusterIP',
      ...interfaces,
      ...ofSettings,
    },
    invalid_dropped: {
      comment: 'pods; packets that conntrack cannot place are dropped',
      ...ranges,
      ...ofScope('union', 'Node', 'IPPool', 'Pod', 'IpMasqAgent'),
    },
    egress_sources: {
      comment: 'sources with egress NAT: pools with natOutgoing',
      ...ranges,
      ...ofScope('union', 'IPPool', 'Node', 'Pod', 'IpMasqAgent'),
      translates: 'its source',
    },
    egress_interfaces: {
      comment: 'packets that enter by these interfaces have egress NAT',
      ...interfaces,
      ...ofScope('plan first', 'IpMasqAgent'),
    },
    egress_exempt: {
      comment: 'destinations without egress NAT: all pools',
      ...ranges,
      ...ofScope('union', 'IPPool', 'Node', 'FelixConfiguration', 'IpMasqAgent'),
      translates: 'every source',
    },
    egress_rule_sources: {
      comment: 'sources that an EgressRule matches',
      key: [saddr],
      interval: true,
      ...ofEgressRules,
    },
    egress_to: { comment: 'EgressRules with destinations', ...byCell, data: 'verdict' },
    egress_to_addresses: {
      comment: 'EgressRules with destinations: the address to leave with',
      ...byCell,
      data: [saddr],
    },
    egress_from: { comment: 'EgressRules without destinations', ...bySource, data: 'verdict' },
    egress_from_addresses: {
      comment: 'EgressRules without destinations: the address to leave with',
      ...bySource,
      data: [saddr],
    },
    egress_address: {
      comment: 'natOutgoingAddress: the address to leave with',
      key: [saddr],
      data: [saddr],
      interval: true,
      ...ofScope('plan first', 'FelixConfiguration'),
      translates: 'every source',
    },
    pod_nat_internal: {
      comment: 'destinations that bound pods reach with their own address',
      ...ranges,
      ...ofScope('union', 'IPPool', 'Node', 'ServiceCIDR'),
      translates: 'every source',
    },
    same_byte: {
      comment: 'pairs of equal bytes',
      key: hairpinByte(0),
      entries: [],
      objects: [],
      unread: 'plan',
    },
    endpoints_single: {
      comment: 'the endpoint of frontends that have one',
      key: frontend,
      data: endpoint,
      ...ofFrontends,
    },
    endpoints_few: { comment: 'endpoints of frontends with 2 to 4, by slot', ...endpoints },
    endpoints_many: { comment: 'endpoints of special frontends, by slot', ...endpoints },
    special_frontends: {
      comment:
        'frontends with more than 4 endpoints, policy Local or session affinity: number of their chain',
      ...numbers,
    },
    special_chains: { comment: 'chains of special_frontends by number', ...chains },
    cluster_views: { comment: 'policy Local: number of the chain for pods and the node', ...numbers },
    local_views: { comment: 'policy Local: number of the chain for outside sources', ...numbers },
    view_chains: { comment: 'chains of cluster_views and local_views by number', ...chains },
    affinity_ids_1: { comment: 'ids of 1 endpoints, by slot', ...ids },
    affinity_ids_2: { comment: 'ids of 2 endpoints, by slot', ...ids },
    affinity_ids_3: { comment: 'ids of 3 endpoints, by slot', ...ids },
    affinity_ids_4: { comment: 'ids of 4 endpoints, by slot', ...ids },
    affinity_ids_many: { comment: 'ids of more endpoints, by slot', ...ids },
    affinity_many: { comment: 'frontends in affinity_ids_many: the chain that draws', ...verdicts },
    affinity_many_local: { comment: 'the same for policy Local and outside sources', ...verdicts },
    affinity_endpoints: {
      comment: 'endpoints, by id',
      key: [...frontend, id],
      data: endpoint,
      ...ofFrontends,
    },
    bindings: {
      comment: 'Pod NAT: node address and port to pod',
      key: frontend,
      data: endpoint,
      ...ofBindings,
    },
    bound: { comment: 'addresses and ports of bindings', key: frontend, ...ofBindings },
    range_addresses: {
      comment: 'addresses of binding_ranges and bound_ranges',
      key: [daddr],
      ...ofBindings,
      isShared: true,
    },
    binding_ranges: {
      comment: 'Pod NAT: node address and ports to pod and its ports',
      key: frontend,
      ...shifted,
      ...ofBindings,
    },
    bound_ranges: {
      comment: 'addresses and port ranges of bindings',
      key: frontend,
      interval: true,
      ...ofBindings,
    },
    bound_sources: {
      comment: 'pods of pod_ports, pod_port_ranges and pod_sources',
      key: [saddr],
      ...ofPodSources,
      entries: ['PodSource', 'PodSourcePort'],
      isShared: true,
    },
    pod_ports: {
      comment: 'Pod NAT: port of a pod to the node address and port it leaves with',
      key: sender,
      data: endpoint,
      ...ofPodPorts,
      unread: 'entry and value',
    },
    pod_port_ranges: {
      comment: 'Pod NAT: ports of a pod to the node address and ports they leave with',
      key: sender,
      ...shifted,
      ...ofPodPorts,
    },
    pod_sources: {
      comment: 'Pod NAT: pod to the node address it leaves with',
      key: [saddr, protocol],
      data: [saddr],
      ...ofPodSources,
      unread: 'entry and value',
      translates: 'its source',
    },
    source_ports: {
      comment: 'ports without an owner, by a random number',
      ...drawn,
      objects: ['Pod', 'Namespace', 'Node'],
    },
    egress_ports: {
      comment: 'ports of source_ports within natPortRange',
      ...drawn,
      objects: ['FelixConfiguration'],
    },
    policy_local: { comment: 'externalTrafficPolicy Local', ...frontends },
    masquerade_always: { comment: 'externalTrafficPolicy Cluster', ...frontends },
    outside_addresses: {
      comment: 'addresses of policy_local and masquerade_always',
      key: [daddr],
      ...ofFrontends,
      isShared: true,
    },
    no_endpoints: { comment: 'frontends without an endpoint: refused', ...frontends },
    no_local_endpoints: { comment: 'policy Local without an endpoint here: dropped', ...frontends },
    restricted_addresses: {
      comment: 'addresses of restricted and restricted_ranges',
      key: [daddr],
      ...ofBoth,
      isShared: true,
    },
    restricted: {
      comment: 'frontends for some sources only: the list in allowed_sources',
      key: frontend,
      data: [list],
      ...ofBoth,
    },
    restricted_ranges: {
      comment: 'port ranges for some sources only: the list in allowed_sources',
      key: frontend,
      data: [list],
      interval: true,
      ...ofBindings,
    },
    allowed_sources: {
      comment: 'sources that may connect, by list',
      key: [saddr, list],
      interval: true,
      ...ofBoth,
      isShared: true,
    },
    affinity_clients: {
      comment: 'client and frontend: the id of the endpoint',
      key: client,
      data: [id],
      dynamicSize: 4_194_304,
      ...byPackets,
    },
  } as const satisfies Record<string, Columns>;
}
