import type { Family } from '../../net/family.ts';
import { affinityChains } from './affinity.ts';
import { POLICY_LOCAL } from './chain-numbers.ts';
import { type EgressChains, egressChains, egressPostrouting } from './egress.ts';
import type { Needed } from './needs.ts';
import { type Networks, rulesIn, rulesOutside } from './networks.ts';
import { CLASSES, DRAWS, FEW, isExact, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import {
  back,
  baseChain,
  chain,
  commented,
  concat,
  ctState,
  dnat,
  drop,
  entersNowhere,
  goto,
  guardedMember,
  jump,
  leavesByLoopback,
  lookup,
  masquerade,
  member,
  nat,
  notMember,
  overlay,
  protocolIs,
  reject,
  rule,
  snat,
  sourceIsLocal,
  translated,
  vmapThrough,
} from './ruleset/build.ts';
import { counting, iifname, l4proto, random, slotBelow } from './ruleset/loads.ts';
import type { ChainNode, RuleNode, SetNode, TableNode, Value } from './ruleset/nodes.ts';
import { allSets, setsOf } from './sets.ts';
import { onceByFamily, RANDOM, wordsOf } from './words.ts';

/** Our table, one in each family. */
export const TABLE = 'knat';

/** What decides about the chains of a table. */
export interface SkeletonVariant extends Needed, RuleSettings {}

/** What scopes say about the rules. */
export interface RuleSettings {
  readonly egress: EgressChains;
  readonly networks: Networks;
}

/**
 * The table of a family without elements, the same on every node. The order of the rules is the precedence of all three
 * kinds of NAT. docs/design/packet-path.md explains each chain.
 */
export function skeleton(family: Family, variant: SkeletonVariant): TableNode {
  const { timeouts, parts, egress, networks } = variant;
  const affinity = timeouts.length > 0; // without it, none of its chains
  const chains = [
    ...(affinity ? affinityChains(family, timeouts) : []),
    ...endpointChains(family),
    chain('services', 'a random endpoint of the frontend that is dialled', ...services(family)),
    chain(
      'refuse',
      null,
      rule(protocolIs('TCP'), reject(family, 'tcp reset')),
      rule(reject(family, 'unreachable')),
    ),
    unserved(family, networks),
    translate(family),
    ...(parts.has('source_ranges') ? [sourceRanges(family)] : []),
    invalid(family),
    ...sourceChains(family, networks, parts.has('policy_local_sources')),
    ...(parts.has('bound_pods') ? [boundPods(family)] : []),
    ...egressChains(family, egress, parts.has('ruled_sources')),
    ...baseChains(family, variant),
  ];
  return Object.freeze({ family, comment: COMMENT, sets: allSets(family), chains: Object.freeze(chains) });
}

const COMMENT = 'NAT of Services, pods and egress; the agent of knat writes it';

/**
 * Frontends that only some sources may use. The name of their list is looked up, and stands behind the source in the key of
 * the next lookup.
 */
function sourceRanges(family: Family): ChainNode {
  const { frontend, sourceAndMore, daddr } = wordsOf(family);
  const { restricted, restricted_ranges, range_addresses, allowed_sources } = setsOf(family);
  const isNotAllowed = (lists: SetNode) =>
    notMember(overlay(sourceAndMore, frontend, lists), allowed_sources);
  return chain(
    'source_ranges',
    'frontends that only some sources may use',
    commented('the source is in no list of the frontend', isNotAllowed(restricted), drop),
    commented(
      'the same for port ranges',
      member(daddr, range_addresses),
      isNotAllowed(restricted_ranges),
      drop,
    ),
  );
}

/** The chains that draw an endpoint of a special frontend, and the choice of the view with policy Local. */
const endpointChains = onceByFamily((family) => {
  const { frontend, isOutside } = wordsOf(family);
  const sets = setsOf(family);
  const picks = [false, true].flatMap((local) => {
    const offset = local ? LOCAL_VIEW : 0;
    const draw = (slot: Value) => drawn(family, slot, sets.endpoints_many);
    return CLASSES.map((count) =>
      isExact(count)
        ? chain(pickChain(count, local), null, draw(slotBelow(count, offset)))
        : chain(
            pickChain(count, local),
            null,
            ...Array(DRAWS).fill(draw(random(count, offset))),
            draw(counting(1, offset)),
          ),
    );
  });
  return [
    ...picks,
    chain(
      'local_endpoints',
      'what sources outside of the cluster may reach with policy Local',
      rule(vmapThrough(frontend, sets.local_views, sets.view_chains)),
    ),
    chain(
      POLICY_LOCAL.chain,
      'policy Local: which view the source sees',
      rule(...isOutside, sourceIsLocal('!='), goto('local_endpoints')),
      rule(vmapThrough(frontend, sets.cluster_views, sets.view_chains)),
    ),
  ];
});

/** The endpoint in this slot of the frontend that is dialled. */
function drawn(family: Family, slot: Value, map: SetNode): RuleNode {
  return rule(dnat(family, lookup(concat(wordsOf(family).frontend, slot), map)));
}

/** A random endpoint of the frontend that is dialled. pick-classes.ts says why all are equally likely. */
function services(family: Family): RuleNode[] {
  const { frontend } = wordsOf(family);
  const { endpoints_few, endpoints_single, special_frontends, special_chains } = setsOf(family);
  return [
    rule(vmapThrough(frontend, special_frontends, special_chains)),
    drawn(family, random(FEW), endpoints_few),
    rule(dnat(family, lookup(frontend, endpoints_single))),
    drawn(family, random(FEW - 1), endpoints_few),
  ];
}

/** What the frontend is, once more: what follows the first look at Services. */
function translate(family: Family): ChainNode {
  const { daddr, frontend } = wordsOf(family);
  const sets = setsOf(family);
  return chain(
    'translate',
    'destination NAT: Services again, then Pod NAT; what is left is unserved',
    commented(
      'again: an update between two lookups may have moved the frontend to another map',
      jump('services'),
    ),
    rule(dnat(family, lookup(frontend, sets.bindings))),
    rule(
      member(daddr, sets.range_addresses),
      nat('dnat', family, lookup(frontend, sets.binding_ranges), 'interval address . port', ['port-offset']),
    ),
    rule(goto('unserved')),
  );
}

function invalid(family: Family): ChainNode {
  const { saddr, daddr, frontend } = wordsOf(family);
  const sets = setsOf(family);
  return chain(
    'invalid',
    'what conntrack cannot place would pass untranslated, and a reset would come back',
    rule(protocolIs('TCP', '!='), protocolIs('SCTP', '!='), back),
    rule(member(saddr, sets.invalid_dropped), drop),
    rule(member(daddr, sets.invalid_dropped), drop),
    rule(member(daddr, sets.cluster_ips), drop),
    ...[sets.masquerade_always, sets.policy_local, sets.bound].map((set) =>
      rule(member(frontend, set), drop),
    ),
    rule(member(daddr, sets.range_addresses), member(frontend, sets.bound_ranges), drop),
  );
}

function unserved(family: Family, networks: Networks): ChainNode {
  const { daddr, frontend } = wordsOf(family);
  const sets = setsOf(family);
  return chain(
    'unserved',
    'new packets to a Service that found no endpoint, and to addresses that no Service has',
    rule(member(frontend, sets.no_endpoints), goto('refuse')),
    rule(member(frontend, sets.no_local_endpoints), drop),
    rule(member(daddr, sets.cluster_ips), goto('refuse')),
    ...rulesIn(networks, family, daddr, 'service_cidrs', drop),
  );
}

/** Source NAT of translated connections. */
function sourceChains(family: Family, networks: Networks, hasPolicyLocal: boolean): ChainNode[] {
  const { saddr, dialled, dialledAddress, isOutside, isHairpin, freePorts } = wordsOf(family);
  const sets = setsOf(family);
  const ofFrontend = (set: SetNode) => guardedMember(sets.outside_addresses, dialled, set);
  return [
    chain(
      'masquerade_service',
      null,
      rule(masquerade(RANDOM, freePorts)),
      commented('protocols without ports', masquerade(RANDOM)),
    ),
    ...(hasPolicyLocal
      ? [
          chain(
            'policy_local_sources',
            'of frontends with policy Local: of this node itself',
            rule(...isOutside, sourceIsLocal('=='), goto('masquerade_service')),
          ),
        ]
      : []),
    chain(
      'service_sources',
      'of translated connections: whose replies must come back here',
      rule(ofFrontend(sets.masquerade_always), goto('masquerade_service')),
      commented('hairpin: source and destination are one address', ...isHairpin, goto('masquerade_service')),
      ...(hasPolicyLocal
        ? [rule(entersNowhere, ofFrontend(sets.policy_local), goto('policy_local_sources'))]
        : []),
      ...rulesIn(
        networks,
        family,
        saddr,
        'masquerade_to_cluster_ip',
        member(dialledAddress, sets.cluster_ips),
        ...(networks[family].hasUnmasqueradedInterface
          ? [notMember(iifname, sets.unmasqueraded_interfaces)]
          : []),
        goto('masquerade_service'),
      ),
    ),
  ];
}

/** Source NAT of what a bound pod starts: from a port of its own binding, else from one that nobody owns. */
function boundPods(family: Family): ChainNode {
  const { saddr, sender, freePorts } = wordsOf(family);
  const { pod_ports, pod_port_ranges, pod_sources } = setsOf(family);
  const address = lookup(concat(saddr, l4proto), pod_sources);
  return chain(
    'bound_pods',
    'what bound pods send to the outside',
    rule(nat('snat', family, lookup(sender, pod_ports), 'address . port', RANDOM)),
    rule(
      nat('snat', family, lookup(sender, pod_port_ranges), 'interval address . port', [
        ...RANDOM,
        'port-offset',
      ]),
    ),
    rule(snat(family, address, RANDOM, freePorts)),
    commented('no port is free', snat(family, address, RANDOM)),
  );
}

const STAYS = commented('packets of this node to itself stay on the node', leavesByLoopback, back);

/** Base chains come last: they refer to what stands before them. */
function baseChains(family: Family, { parts, egress, networks }: SkeletonVariant): ChainNode[] {
  const { saddr, daddr } = wordsOf(family);
  const sets = setsOf(family);
  const destination = (['prerouting', 'output'] as const).flatMap((hook) => [
    baseChain(
      `${hook}_sources`,
      { type: 'filter', hook, priority: -105 },
      rule(ctState('invalid'), jump('invalid')),
      ...(parts.has('source_ranges')
        ? [rule(ctState('new'), member(daddr, sets.restricted_addresses), jump('source_ranges'))]
        : []),
    ),
    baseChain(
      `${hook}_nat`,
      { type: 'nat', hook, priority: -101 },
      ...rulesOutside(
        networks,
        family,
        daddr,
        'service_cidrs',
        notMember(daddr, sets.frontend_addresses),
        back,
      ),
      ...services(family), // here too: a jump costs as much as a lookup
      rule(goto('translate')),
    ),
  ]);
  // Packets between pods pass before they are asked for it, where no rule could translate them before.
  const isAskedEarly = parts.has('bound_pods') || parts.has('ruled_sources');
  return [
    ...destination,
    baseChain(
      'postrouting_nat',
      { type: 'nat', hook: 'postrouting', priority: 100 },
      rule(translated(true), jump('service_sources')),
      ...(isAskedEarly ? [STAYS] : []),
      ...(parts.has('bound_pods')
        ? [
            rule(
              member(saddr, sets.bound_sources),
              notMember(daddr, sets.pod_nat_internal),
              jump('bound_pods'),
            ),
          ]
        : []),
      ...egressPostrouting(family, egress, networks, parts.has('ruled_sources'), isAskedEarly ? [] : [STAYS]),
    ),
  ];
}
