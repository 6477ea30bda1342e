import { createHash } from 'node:crypto';
import type { Family } from '../../net/family.ts';
import { affinityChains, dynamicDeclarations, outside } from './affinity.ts';
import { type EgressChains, egressChains, egressChainsKey, egressPostrouting } from './egress.ts';
import { CAPACITIES, DRAWS, EXACT_CLASSES, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import { type SetName, setDeclarations } from './sets.ts';

/** The words in which nft speaks of a family. */
export const nftFamily = { IPv4: 'ip', IPv6: 'ip6' } as const satisfies Record<Family, string>;

/** Our table, one in each family. */
export const TABLE = 'knat';

/** A frontend, as the key of most maps: address, protocol, port. */
const frontend = (ip: string) => `${ip} daddr . meta l4proto . th dport`;

/** Where the address bytes lie in the network header, in bits (RFC 791, RFC 8200), and how many they are. */
const addressLayout = {
  IPv4: { source: 96, destination: 128, bytes: 4 },
  IPv6: { source: 64, destination: 192, bytes: 16 },
} as const;

export interface SkeletonOptions {
  /** Another name than `knat` where a second copy is wanted. */
  readonly table: string;
  /** A copy that sees no packets. */
  readonly dormant?: boolean;
  /** The timeouts of session affinity that are in use, in seconds, sorted: each has a chain. */
  readonly timeouts: readonly number[];
  readonly egress: EgressChains;
}

/**
 * The table of a family without elements: text for `nft -f`, the same on every node. docs/design/packet-path.md
 * explains each chain.
 */
export function skeletonText(family: Family, options: SkeletonOptions): string {
  const { table, dormant = false, timeouts, egress } = options;
  const head = [`table ${nftFamily[family]} ${table} {`, `  comment "${skeletonMark(egress)}"`];
  if (dormant) head.push('  flags dormant');
  return [...head, ...skeletonBody(family, timeouts, egress), '}', ''].join('\n');
}

/** Sets and chains. The order of the rules is the precedence of all three kinds. */
function skeletonBody(family: Family, timeouts: readonly number[], egress: EgressChains): string[] {
  const ip = nftFamily[family];
  const key = frontend(ip);
  const lines: string[] = [];
  const chain = (name: string, ...body: string[]) =>
    lines.push('', `  chain ${name} {`, ...body.map((rule) => `    ${rule}`), '  }');

  lines.push(...setDeclarations(family), ...dynamicDeclarations(family));

  chain(
    'source_ranges',
    'comment "frontends that only some sources may use"',
    `${key} . ${ip} saddr @allowed_sources return`,
    'drop',
  );
  const affinity = timeouts.length > 0; // without it, none of its chains
  if (affinity) for (const [name, rules] of affinityChains(family, ip, timeouts)) chain(name, ...rules);
  for (const local of [false, true]) {
    const draw = (capacity: number) =>
      `dnat ${ip} to ${key} . numgen random mod ${capacity}${offset(local)} map @endpoints_many`;
    const first = `dnat ${ip} to ${key} . numgen inc mod 1${offset(local)} map @endpoints_many`;
    for (const capacity of CAPACITIES) {
      chain(pickChain(capacity, local), ...Array.from({ length: DRAWS }, () => draw(capacity)), first);
    }
    chain(
      local ? 'local_endpoints' : 'services',
      local
        ? 'comment "what sources outside of the cluster may reach with policy Local"'
        : 'comment "a random endpoint of the frontend that is dialled"',
      ...(affinity && !local ? [`${key} vmap @affinity_timeouts`] : []),
      ...(local ? [] : [`${key} @policy_local ${outside(ip)} fib saddr type != local goto local_endpoints`]),
      ...EXACT_CLASSES.map(
        (count) =>
          `dnat ${ip} to ${key} . numgen random mod ${count}${offset(local)} map @endpoints_${count}`,
      ),
      `${key} vmap @${local ? 'many_local' : 'many'}`,
    );
  }
  chain(
    'translate',
    'comment "destination NAT: Services, then Pod NAT"',
    'jump services',
    'jump services comment "again: an update between two lookups may have moved the frontend to another map"',
    `dnat ${ip} to ${key} map @bindings`,
  );
  chain(
    'invalid',
    'comment "what conntrack cannot place would pass untranslated, and a reset would come back"',
    'meta l4proto != tcp meta l4proto != sctp return',
    `${ip} saddr @invalid_dropped drop`,
    `${ip} daddr @invalid_dropped drop`,
    `${ip} daddr @cluster_ips drop`,
    ...(['masquerade_always', 'policy_local', 'bound'] as const).map((set) => `${key} @${set} drop`),
  );
  chain('refuse', 'meta l4proto tcp reject with tcp reset', 'reject');
  chain(
    'unserved',
    'comment "new packets to a Service that found no endpoint"',
    `${key} @no_endpoints goto refuse`,
    `${key} @no_local_endpoints drop`,
    `${ip} daddr @cluster_ips goto refuse`,
    `${ip} daddr @service_cidrs drop`,
  );
  chain('masquerade_service', 'masquerade fully-random');
  chain(
    'policy_local_sources',
    'comment "of frontends with policy Local: of this node itself"',
    `${outside(ip)} fib saddr type local goto masquerade_service`,
  );
  chain(
    'service_sources',
    'comment "of translated connections: whose replies must come back here"',
    `${sameAddress(family)} goto masquerade_service comment "hairpin: source and destination are one address"`,
    ...['tcp', 'udp', 'sctp'].flatMap((protocol) => {
      const dialled = `meta l4proto ${protocol} ct original ${ip} daddr . meta l4proto . ct original proto-dst`;
      return [
        `${dialled} @masquerade_always goto masquerade_service`,
        `${dialled} @policy_local goto policy_local_sources`,
      ];
    }),
    `ct original ${ip} daddr @cluster_ips ${ip} saddr @masquerade_to_cluster_ip iifname != @unmasqueraded_interfaces goto masquerade_service`,
  );

  for (const [name, rules] of egressChains(ip, egress)) chain(name, ...rules);

  // Base chains last: they refer to what stands above.
  for (const hook of ['prerouting', 'output']) {
    chain(
      `${hook}_sources`,
      `type filter hook ${hook} priority -105; policy accept;`,
      'ct state invalid jump invalid',
      `ct state new ${key} @restricted jump source_ranges`,
    );
    chain(`${hook}_nat`, `type nat hook ${hook} priority -100; policy accept;`, 'jump translate');
    chain(
      `${hook}_unserved`,
      `type filter hook ${hook} priority -95; policy accept;`,
      ...(affinity ? ['ct state new ct mark != 0 jump affinity_marks'] : []),
      'ct state new ct status ! dnat jump unserved',
    );
  }
  chain(
    'postrouting_nat',
    'type nat hook postrouting priority 100; policy accept;',
    'ct status dnat jump service_sources',
    'oifname "lo" return comment "what this node sends to itself is not on its way out"',
    `${ip} daddr != @pod_nat_internal snat ${ip} to ${ip} saddr . meta l4proto map @pod_sources`,
    ...egressPostrouting(ip, egress),
  );
  return lines;
}

function offset(local: boolean): string {
  return local ? ` offset ${LOCAL_VIEW}` : '';
}

/**
 * nft cannot compare two fields of a packet with each other, so the addresses are looked up byte by byte in the
 * set of equal pairs. The last byte comes first: it tells most addresses apart.
 */
function sameAddress(family: Family): string {
  const { source, destination, bytes } = addressLayout[family];
  const set: SetName = 'same_byte';
  return Array.from({ length: bytes }, (_, index) => (bytes - 1 - index) * 8)
    .map((bit) => `@nh,${source + bit},8 . @nh,${destination + bit},8 @${set}`)
    .join(' ');
}

const marks = new Map<string, string>();

/**
 * Stands in the table's comment, so that a restarted agent knows its own skeleton; another one, or one that was made for
 * other settings of egress NAT, is swapped.
 */
export function skeletonMark(egress: EgressChains): string {
  const key = egressChainsKey(egress);
  const known = marks.get(key);
  if (known !== undefined) return known;
  const bodies = [...skeletonBody('IPv4', [1], egress), ...skeletonBody('IPv6', [1], egress)];
  const mark = `knat skeleton ${createHash('sha256').update(bodies.join('\n')).digest('hex').slice(0, 16)}`;
  marks.set(key, mark);
  return mark;
}
