import type { PortSpan } from '../../net/port.ts';
import type { EgressScope } from '../../plan/entry.ts';

/**
 * The chains of egress NAT. Ports and interface stand in their text, since a rule of nft takes neither from a map; all
 * else is elements.
 */
export type EgressChains = Pick<EgressScope, 'ports' | 'interfaceFilter'>;

/** Where nothing is set: the kernel chooses ports, every interface counts. */
export const plainEgress: EgressChains = Object.freeze({ ports: [], interfaceFilter: null });

/** Two settings with equal texts make equal chains. */
export function egressChainsKey({ ports, interfaceFilter }: EgressChains): string {
  return JSON.stringify([ports.map(({ first, last }) => [first, last]), interfaceFilter]);
}

const RANDOM = 'fully-random';
/** The protocols that have ports to choose from. */
const WITH_PORTS = 'meta l4proto { tcp, udp, sctp }';

/** The chains in the order in which they refer to each other, each a name and its rules. */
export function egressChains(ip: string, { ports }: EgressChains): [string, string[]][] {
  const cell = `${ip} saddr . ${ip} daddr . meta l4proto . th dport`;
  const byDestination = `snat ${ip} to ${cell} map @egress_to_addresses`;
  const bySource = `snat ${ip} to ${ip} saddr map @egress_from_addresses`;
  const byPool = `snat ${ip} to ${ip} saddr map @egress_address`;
  const ranges = ports.map((range) => ({ range, suffix: `${range.first}_${range.last}` }));
  /** One chain for each range of ports: translates as the statement says, to a port of the range. */
  const perRange = (name: string, statement: string, separator: string): [string, string[]][] =>
    ranges.map(({ range, suffix }) => [
      `${name}_${suffix}`,
      [`${WITH_PORTS} ${statement}${separator}${range.first}-${range.last} ${RANDOM}`],
    ]);
  /** To a port of one of the ranges, each as likely as it is wide; protocols without ports as they are. */
  const anyRange = (name: string, statement: string): string[] => [
    ...(ranges.length === 0 ? [] : [`${WITH_PORTS} ${draw(ports, (range) => `jump ${name}_${range}`)}`]),
    `${statement} ${RANDOM}`,
  ];
  return [
    ...perRange('egress_masquerade', 'masquerade', ' to :'),
    ['egress_masquerade', anyRange('egress_masquerade', 'masquerade')],
    ...perRange('egress_to', byDestination, ' : '),
    ...perRange('egress_from', bySource, ' : '),
    [
      'egress_rules',
      [
        'comment "EgressRules: those with destinations, then those for all that leaves the pools"',
        `${cell} vmap @egress_to`,
        ...anyRange('egress_to', byDestination),
        `${ip} daddr @egress_exempt return`,
        `${ip} saddr vmap @egress_from`,
        ...anyRange('egress_from', bySource),
      ],
    ],
    ...perRange('egress_pools', byPool, ' : '),
    ['egress_pools', [...anyRange('egress_pools', byPool), 'goto egress_masquerade']],
  ];
}

/** The last rules of postrouting. */
export function egressPostrouting(ip: string, { interfaceFilter }: EgressChains): string[] {
  const out =
    interfaceFilter === null ? '' : `oifname ${JSON.stringify(interfaceFilter.replace(/\+$/, '*'))} `;
  return [
    'jump egress_rules',
    'jump egress_rules comment "again: an update between two lookups may have moved the source to another map"',
    `${ip} saddr @egress_sources ${ip} daddr != @egress_exempt ${out}goto egress_pools`,
    `iifname @egress_interfaces ${ip} daddr != @egress_exempt ${out}goto egress_pools`,
  ];
}

/** `numgen random mod 100 vmap { 0-39 : jump a_1024_1063, 40-99 : … }`, by the number of ports in each range. */
function draw(ports: readonly PortSpan[], verdict: (range: string) => string): string {
  let next = 0;
  const shares = ports.map(({ first, last }) => {
    const from = next;
    next += last - first + 1;
    const share = from === next - 1 ? String(from) : `${from}-${next - 1}`;
    return `${share} : ${verdict(`${first}_${last}`)}`;
  });
  return `numgen random mod ${next} vmap { ${shares.join(', ')} }`;
}
