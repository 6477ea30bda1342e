import type { FactKind } from '../../model/facts.ts';
import type { SetName } from './sets.ts';

/**
 * Which objects a set's elements come from, and what becomes of what stands in the kernel while some of these cannot be read
 * since the start. While all of them can be read, the plan decides, whatever else is unread.
 */
export interface SetOrigin {
  readonly from: readonly FactKind[];
  /**
   * - `plan`: the plan decides, it comes from no object;
   * - `entry`: what belongs to no entry of the plan stays;
   * - `union`: ranges: those of the plan, and those that stand;
   * - `plan-first`: what stands stays where the plan has nothing;
   * - `standing-first`: what the plan has is for where nothing stands;
   * - `all-but-pods`: sources that are masqueraded to ClusterIPs: those that are, without what the plan takes for pods;
   * - `source`: what stands of a source stays as a whole where the plan does not know better.
   */
  readonly unread: 'plan' | 'entry' | 'union' | 'plan-first' | 'standing-first' | 'all-but-pods' | 'source';
  /** With `entry`: while such objects are unread, the value that stands is not replaced either. */
  readonly value?: readonly FactKind[];
}

const settings: SetOrigin = { from: [], unread: 'plan' };
const frontends: SetOrigin = { from: ['Service', 'EndpointSlice', 'Node'], unread: 'entry' };
const bindings: SetOrigin = { from: ['Pod', 'Namespace', 'Node'], unread: 'entry' };
const egressRules: SetOrigin = {
  from: ['EgressRule', 'Pod', 'Namespace', 'IPPool', 'Node', 'FelixConfiguration', 'IpMasqAgent'],
  unread: 'source',
};

/** A set that is missing here, or its column, does not compile. */
export const SET_ORIGINS: Readonly<Record<SetName, SetOrigin>> = {
  cluster_ips: frontends,
  service_cidrs: { from: ['ServiceCIDR'], unread: 'union' },
  pods: { from: ['Node', 'IPPool', 'Pod'], unread: 'union' },
  pod_interfaces: settings,
  masquerade_to_cluster_ip: { from: ['Node', 'IPPool', 'Pod'], unread: 'all-but-pods' },
  unmasqueraded_interfaces: settings,
  invalid_dropped: { from: ['Node', 'IPPool', 'Pod', 'IpMasqAgent'], unread: 'union' },
  egress_sources: { from: ['IPPool', 'Node', 'Pod', 'IpMasqAgent'], unread: 'union' },
  egress_interfaces: { from: ['IpMasqAgent'], unread: 'plan-first' },
  egress_exempt: { from: ['IPPool', 'Node', 'FelixConfiguration', 'IpMasqAgent'], unread: 'union' },
  egress_to: egressRules,
  egress_to_addresses: egressRules,
  egress_from: egressRules,
  egress_from_addresses: egressRules,
  egress_address: { from: ['FelixConfiguration'], unread: 'plan-first' },
  pod_nat_internal: { from: ['IPPool', 'Node', 'ServiceCIDR'], unread: 'union' },
  same_byte: settings,
  endpoints_1: frontends,
  endpoints_2: frontends,
  endpoints_3: frontends,
  endpoints_4: frontends,
  endpoints_many: frontends,
  many: frontends,
  many_local: frontends,
  affinity_frontends: frontends,
  affinity_timeouts: frontends,
  affinity_ids_1: frontends,
  affinity_ids_2: frontends,
  affinity_ids_3: frontends,
  affinity_ids_4: frontends,
  affinity_ids_many: frontends,
  affinity_many: frontends,
  affinity_many_local: frontends,
  affinity_endpoints: frontends,
  bindings,
  bound: bindings,
  range_addresses: bindings,
  binding_ranges: bindings,
  bound_ranges: bindings,
  bound_sources: bindings,
  pod_ports: { ...bindings, value: ['Node'] },
  pod_port_ranges: bindings,
  pod_sources: { ...bindings, value: ['Node'] },
  source_ports: { from: ['Pod', 'Namespace', 'Node'], unread: 'standing-first' },
  egress_ports: { from: ['FelixConfiguration'], unread: 'standing-first' },
  policy_local: frontends,
  masquerade_always: frontends,
  no_endpoints: frontends,
  no_local_endpoints: frontends,
  restricted: { from: [...frontends.from, ...bindings.from], unread: 'entry' },
  restricted_ranges: bindings,
  allowed_sources: { from: [...frontends.from, ...bindings.from], unread: 'entry' },
};

/** Settings that stand in the text of chains (egress.ts): ports, and interfaces that packets leave by. */
export const EGRESS_CHAINS_FROM: readonly FactKind[] = ['FelixConfiguration'];
