import type { Family } from '../../net/family.ts';
import type { Protocol } from '../../net/protocol.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { CLASSES, DRAWS, idMap, isExact, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import {
  back,
  bitwise,
  chain,
  commented,
  concat,
  ctMarkIsSet,
  dnat,
  dynset,
  goto,
  jump,
  lookup,
  member,
  rule,
  setCtMark,
  vmap,
} from './ruleset/build.ts';
import { counting, ctMark, number, random, slotBelow } from './ruleset/loads.ts';
import type { ChainNode, SetNode, Value } from './ruleset/nodes.ts';
import { setsOf } from './sets.ts';
import { onceByFamily, perProtocol, wordsOf } from './words.ts';

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

/** The chains, for these timeouts in seconds. */
export function affinityChains(family: Family, timeouts: readonly number[]): ChainNode[] {
  return [
    ...choiceChains(family),
    ...timeouts.map((timeout) => timeoutChain(family, timeout)),
    ...markChains(family),
  ];
}

/** Those that choose an endpoint, whatever the timeout. */
const choiceChains = onceByFamily((family): readonly ChainNode[] => {
  const { frontend, seesLocalView } = wordsOf(family);
  const sets = setsOf(family);
  const chains: ChainNode[] = [];
  for (const local of [false, true]) {
    const offset = local ? LOCAL_VIEW : 0;
    const draw = (number: Value, map: SetNode) => setCtMark(lookup(concat(frontend, number), map));
    for (const capacity of CLASSES.filter((each) => !isExact(each))) {
      const one = rule(draw(random(capacity, offset), sets.affinity_ids_many), back);
      const first = rule(draw(counting(1, offset), sets.affinity_ids_many));
      chains.push(chain(affinityPickChain(capacity, local), null, ...Array(DRAWS).fill(one), first));
    }
    chains.push(
      chain(
        local ? 'affinity_choice_local' : 'affinity_choice',
        null,
        ...(local ? [] : [rule(...seesLocalView, goto('affinity_choice_local'))]),
        ...CLASSES.filter(isExact).map((count) => rule(draw(slotBelow(count, offset), sets[idMap(count)]))),
        rule(vmap(frontend, local ? sets.affinity_many_local : sets.affinity_many)),
      ),
    );
  }
  chains.push(
    chain('affinity_view_local', null, rule(setCtMark(bitwise(ctMark, 'or', LOCAL_ID)))),
    chain(
      'affinity_view',
      null,
      rule(...seesLocalView, goto('affinity_view_local')),
      rule(setCtMark(bitwise(ctMark, 'and', LOCAL_ID - 1))),
    ),
  );
  return chains;
});

/** Leads a client to where it was led before, as long as its time and its endpoint last. */
function timeoutChain(family: Family, timeout: number): ChainNode {
  const { frontend, client, connection } = wordsOf(family);
  const { affinity_clients, affinity_ct_marks, affinity_endpoints } = setsOf(family);
  const remember = rule(ctMarkIsSet, dynset('update', affinity_clients, client, ctMark, timeout));
  const translate = rule(dnat(family, lookup(concat(frontend, ctMark), affinity_endpoints)));
  const clear = rule(setCtMark(number(0)));
  return chain(
    affinityChain(timeout),
    null,
    rule(ctMarkIsSet, dynset('update', affinity_ct_marks, connection, ctMark, MARK_SECONDS)),
    clear,
    rule(setCtMark(lookup(client, affinity_clients))),
    rule(ctMarkIsSet, jump('affinity_view')),
    remember,
    translate,
    commented('its endpoint is gone', ctMarkIsSet, dynset('delete', affinity_clients, client, ctMark)),
    clear,
    rule(jump('affinity_choice')),
    remember,
    translate,
  );
}

/** Put back the marks of others, behind the NAT hook. */
function markChains(family: Family): ChainNode[] {
  const { dialled, originalConnection } = wordsOf(family);
  const { affinity_ct_marks, affinity_frontends } = setsOf(family);
  const name = (protocol: Protocol) => `affinity_mark_${protocol.toLowerCase()}`;
  return [
    ...perProtocol((is, protocol) =>
      chain(
        name(protocol),
        null,
        rule(setCtMark(number(0))),
        rule(is, setCtMark(lookup(originalConnection, affinity_ct_marks))),
      ),
    ),
    chain(
      'affinity_marks',
      null,
      ...perProtocol((is, protocol) => rule(is, member(dialled, affinity_frontends), goto(name(protocol)))),
    ),
  ];
}

/**
 * The steps of timeouts, in seconds: up to each first number, a multiple of the second. Rules cannot take a timeout from
 * a map, so each has a chain, and whoever may write Services chooses among 86,400: rounded up, they are 302.
 */
const STEPS = [
  [60, 1],
  [600, 10],
  [3600, 60],
  [86_400, 600],
] as const;

/** The timeout that the kernel keeps, in seconds: that of the Service, or a little more. */
export function keptTimeout(seconds: number): number {
  const [, step] = STEPS.find(([last]) => seconds <= last) ?? [0, 600];
  return Math.ceil(seconds / step) * step;
}

/** All timeouts that have a chain, in seconds. */
export const ALL_TIMEOUTS: readonly number[] = STEPS.flatMap(([last, step], index) => {
  const first = STEPS[index - 1]?.[0] ?? 0;
  return Array.from({ length: (last - first) / step }, (_, i) => first + (i + 1) * step);
});

/** The chain of a timeout in seconds. */
export function affinityChain(timeout: number): string {
  return `affinity_${keptTimeout(timeout)}s`;
}

/** The timeout of a chain's name; null for another chain. */
export function timeoutOfChain(chain: string): number | null {
  const digits = /^affinity_(\d+)s$/.exec(chain)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function affinityPickChain(capacity: number, local: boolean): string {
  return `affinity_${pickChain(capacity, local)}`;
}

/** The timeout in seconds that the entry needs a chain for; null for none. */
export function timeoutOf(entry: PlanEntry): number | null {
  if (entry.kind !== 'ServiceFrontend' || entry.affinityTimeoutSeconds === null) return null;
  return keptTimeout(entry.affinityTimeoutSeconds);
}

/**
 * The highest bit of an id tells the view, so that a client of one is never sent to what only the other has. Apart from
 * it, an endpoint has one id in both: a client whose view changed (another policy, other pod CIDRs) stays where it may.
 */
export const LOCAL_ID = 0x8000_0000;

/**
 * The ids of the endpoints of one view, without the bit of the view: a hash (FNV-1a) of each endpoint, never 0. Where two have the
 * same hash (one pair in 2³¹), the one that sorts later has the next number.
 */
export function endpointIds(endpoints: readonly Endpoint[]): readonly number[] {
  let ids = idsOfLists.get(endpoints);
  if (ids === undefined) {
    ids = endpoints.map(hashOf);
    if (new Set(ids).size < ids.length || ids.includes(0)) ids = distinctIds(endpoints);
    idsOfLists.set(endpoints, ids);
  }
  return ids;
}

const idsOfLists = new WeakMap<readonly Endpoint[], readonly number[]>();

function distinctIds(endpoints: readonly Endpoint[]): number[] {
  const ids: number[] = [];
  const taken = new Set<number>();
  const names = endpoints.map((endpoint, index) => ({
    index,
    hash: hashOf(endpoint),
    name: `${endpoint.address} ${endpoint.port}`,
  }));
  for (const { index, hash } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    let id = hash;
    while (id === 0 || taken.has(id)) id = (id + 1) & 0x7fff_ffff;
    taken.add(id);
    ids[index] = id;
  }
  return ids;
}

/** Of the text `address port`, in 31 bits. */
function hashOf({ address, port }: Endpoint): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = step(hash, address.charCodeAt(i));
  hash = step(hash, SPACE);
  let unit = 1;
  while (unit * 10 <= port) unit *= 10;
  for (let rest: number = port; unit >= 1; unit /= 10) {
    const digit = Math.floor(rest / unit);
    hash = step(hash, DIGIT_0 + digit);
    rest -= digit * unit;
  }
  return (hash >>> 1) & 0x7fff_ffff;
}

const SPACE = 32;
const DIGIT_0 = 48;

function step(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}
