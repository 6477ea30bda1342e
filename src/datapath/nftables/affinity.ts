import type { Family } from '../../net/family.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { CAPACITIES, DRAWS, EXACT_CLASSES, LOCAL_VIEW, pickChain } from './pick-classes.ts';

/**
 * Session affinity, at a cost that does not depend on the number of endpoints.
 *
 * Every endpoint of a frontend has a number, its id, which depends on nothing but the endpoint. `affinity_clients` remembers
 * client and frontend → id for the timeout; `affinity_endpoints` has frontend and id → endpoint. A client whose id is
 * not there any more is forgotten and draws anew; endpoints that come and go move nobody else.
 *
 * nft cannot use the result of one lookup as the key of the next, so the id stands in the mark of the conntrack entry,
 * which does not exist for others before the packet has passed. A mark that somebody set before is kept in
 * `affinity_ct_marks` and put back right behind the NAT hook.
 */

/** Seconds for which a foreign conntrack mark is kept: it is put back within the same packet. */
const MARK_SECONDS = 5;

/**
 * The client of a frontend in 16 bytes. nft 1.0.6 writes longer keys of a map over its value (its register allocation
 * counts 16 bytes for any key), so IPv6 has source and destination as two hashes of 32 bits each.
 */
const clientKey = {
  IPv4: 'ip saddr . ip daddr . meta l4proto . th dport',
  IPv6: `${addressesHash('@nh,64,256', 1)} . ${addressesHash('@nh,64,256', 2)} . meta l4proto . th dport`,
} as const satisfies Record<Family, string>;

/** The declarations of the sets that packets fill. `typeof` cannot name a hash; a random number is of the same type. */
export function dynamicDeclarations(family: Family): string[] {
  const [first, second] =
    family === 'IPv4' ? ['ip saddr', 'ip daddr'] : ['numgen random mod 2', 'numgen random mod 2'];
  return [
    `map affinity_clients { typeof ${first} . ${second} . meta l4proto . th dport : ct mark; flags dynamic,timeout; size 4194304; comment "client and frontend: id of the endpoint"; }`,
    `map affinity_ct_marks { typeof numgen random mod 2 . meta l4proto . th sport . th dport : ct mark; flags dynamic,timeout; size 262144; comment "marks of others"; }`,
  ].map((line) => `  ${line}`);
}

/** The chains, for these timeouts in seconds, each a name and its rules. */
export function affinityChains(
  family: Family,
  ip: string,
  timeouts: readonly number[],
): [string, string[]][] {
  const key = `${ip} daddr . meta l4proto . th dport`;
  const client = clientKey[family];
  const chains: [string, string[]][] = [];
  for (const local of [false, true]) {
    const offset = local ? ` offset ${LOCAL_VIEW}` : '';
    const draw = (modulus: string, map: string) =>
      `ct mark set ${key} . numgen ${modulus}${offset} map @${map}`;
    for (const capacity of CAPACITIES) {
      const draws = Array.from(
        { length: DRAWS },
        () => `${draw(`random mod ${capacity}`, 'affinity_ids_many')} return`,
      );
      chains.push([affinityPickChain(capacity, local), [...draws, draw('inc mod 1', 'affinity_ids_many')]]);
    }
    chains.push([
      local ? 'affinity_choice_local' : 'affinity_choice',
      [
        ...(local
          ? []
          : [`${key} @policy_local ${outside(ip)} fib saddr type != local goto affinity_choice_local`]),
        ...EXACT_CLASSES.map((count) => draw(`random mod ${count}`, `affinity_ids_${count}`)),
        `${key} vmap @${local ? 'affinity_many_local' : 'affinity_many'}`,
      ],
    ]);
  }
  const [clusterBits, localBit] = [LOCAL_ID - 1, LOCAL_ID].map((bits) => `0x${bits.toString(16)}`);
  chains.push(
    ['affinity_view_local', [`ct mark set ct mark or ${localBit}`]],
    [
      'affinity_view',
      [
        `${key} @policy_local ${ip} saddr != @pods fib saddr type != local goto affinity_view_local`,
        `ct mark set ct mark and ${clusterBits}`,
      ],
    ],
  );
  const saved = `${addressesHash(`${ip} saddr . ${ip} daddr`, 3)} . meta l4proto . th sport . th dport`;
  const dnat = `dnat ${ip} to ${key} . ct mark map @affinity_endpoints`;
  for (const timeout of timeouts) {
    const remember = `ct mark != 0 update @affinity_clients { ${client} timeout ${timeout}s : ct mark }`;
    chains.push([
      affinityChain(timeout),
      [
        `ct mark != 0 update @affinity_ct_marks { ${saved} timeout ${MARK_SECONDS}s : ct mark }`,
        'ct mark set 0',
        `ct mark set ${client} map @affinity_clients`,
        'ct mark != 0 jump affinity_view',
        remember,
        dnat,
        `ct mark != 0 delete @affinity_clients { ${client} : ct mark } comment "its endpoint is gone"`,
        'ct mark set 0',
        'jump affinity_choice',
        remember,
        dnat,
      ],
    ]);
  }
  const originalAddresses = `ct original ${ip} saddr . ct original ${ip} daddr`;
  for (const protocol of ['tcp', 'udp', 'sctp']) {
    const hash = addressesHash(originalAddresses, 3);
    const original = `${hash} . meta l4proto . ct original proto-src . ct original proto-dst`;
    chains.push([
      `affinity_mark_${protocol}`,
      ['ct mark set 0', `meta l4proto ${protocol} ct mark set ${original} map @affinity_ct_marks`],
    ]);
  }
  chains.push([
    'affinity_marks',
    ['tcp', 'udp', 'sctp'].map((protocol) => {
      const dialled = `meta l4proto ${protocol} ct original ${ip} daddr . meta l4proto . ct original proto-dst`;
      return `${dialled} @affinity_frontends goto affinity_mark_${protocol}`;
    }),
  ]);
  return chains;
}

/** Matches packets whose source is no pod. What this node itself sends has come in by no interface. */
export function outside(ip: string): string {
  return `${ip} saddr != @pods iifname != @pod_interfaces`;
}

/** The chain of a timeout in seconds. */
export function affinityChain(timeout: number): string {
  return `affinity_${timeout}s`;
}

/** The timeout of a chain's name; null for another chain. */
export function timeoutOfChain(chain: string): number | null {
  const digits = /^affinity_(\d+)s$/.exec(chain)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function affinityPickChain(capacity: number, local: boolean): string {
  return `affinity_${pickChain(capacity, local)}`;
}

/** The timeouts in seconds that the entries need, sorted. */
export function timeoutsOf(entries: Iterable<PlanEntry>): number[] {
  const timeouts = new Set<number>();
  for (const entry of entries) {
    if (entry.kind === 'ServiceFrontend' && entry.affinityTimeoutSeconds !== null) {
      timeouts.add(entry.affinityTimeoutSeconds);
    }
  }
  return [...timeouts].sort((a, b) => a - b);
}

/**
 * The highest bit of an id tells the view, so that a client of one is never sent to what only the other has. Apart from
 * it, an endpoint has one id in both: a client whose view changed (another policy, other pod CIDRs) stays where it may.
 */
const LOCAL_ID = 0x8000_0000;

/**
 * The ids of the endpoints of one view: a hash (FNV-1a) of the endpoint, never 0. Where two have the same hash (one pair in
 * 2³¹), the one that sorts later has the next number.
 */
export function endpointIds(endpoints: readonly Endpoint[], local: boolean): Map<Endpoint, number> {
  const ids = new Map<Endpoint, number>();
  const taken = new Set<number>();
  const names = endpoints.map((endpoint) => ({ endpoint, name: `${endpoint.address} ${endpoint.port}` }));
  for (const { endpoint, name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    let id = (hash >>> 1) & 0x7fff_ffff;
    while (id === 0 || taken.has(id)) id = (id + 1) & 0x7fff_ffff;
    taken.add(id);
    ids.set(endpoint, local ? (id | LOCAL_ID) >>> 0 : id);
  }
  return ids;
}

function addressesHash(addresses: string, seed: number): string {
  return `jhash ${addresses} mod 4294967295 seed ${seed}`;
}
