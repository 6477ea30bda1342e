import type { Family } from '../../net/family.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { CLASSES, DRAWS, idMap, isExact, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import { affinity, back, chain, commented, dynset, isFound, jump, rule, vmap } from './ruleset/build.ts';
import { counting, ctMark, random, slotBelow } from './ruleset/loads.ts';
import type { ChainNode, RuleNode, SetNode, Value } from './ruleset/nodes.ts';
import { setsOf } from './sets.ts';
import { onceByFamily, wordsOf } from './words.ts';

/**
 * Session affinity, at a cost that does not depend on the number of endpoints.
 *
 * Every endpoint of a frontend has a number, its id, which depends on nothing but the endpoint. `affinity_clients` remembers
 * client and frontend → id for the timeout; `affinity_endpoints` has frontend and id → endpoint. A client whose id is
 * not there any more is forgotten and draws anew; endpoints that come and go move nobody else.
 *
 * A packet that draws has its id remembered first, and is translated by what is remembered then: of two packets of one
 * client at the same time, both get the endpoint of the one that was first.
 */

/** The chains, for these timeouts in seconds. */
export function affinityChains(family: Family, timeouts: readonly number[]): ChainNode[] {
  return [
    ...choiceChains(family),
    ...goneChains(family),
    ...timeouts.flatMap((timeout) => VIEWS.map((local) => timeoutChain(family, timeout, local))),
  ];
}

/** Those that choose an endpoint, whatever the timeout: they return when the choice is remembered. */
const choiceChains = onceByFamily((family): readonly ChainNode[] => {
  const { frontend, client } = wordsOf(family);
  const { affinity_clients: clients, affinity_endpoints: endpoints, ...sets } = setsOf(family);
  const drawn = { family, frontend, client, clients, keep: ANY_ID, set: 0 };
  const remembered = (slot: Value, ids: SetNode) => {
    const remember = { operation: 'add', timeout: LONGEST } as const;
    return rule(affinity({ ...drawn, draw: { slot, ids }, remember, endpoints: null }), back);
  };
  /** Where no more clients can be remembered, each connection draws. */
  const translated = (slot: Value, ids: SetNode) =>
    rule(affinity({ ...drawn, draw: { slot, ids }, remember: null, endpoints }));
  const both = [remembered, translated] as const;
  return VIEWS.flatMap((local) => {
    const offset = local ? LOCAL_VIEW : 0;
    const exactly = (draw: (typeof both)[number]) =>
      CLASSES.filter(isExact).map((count) => draw(slotBelow(count, offset), sets[idMap(count)]));
    const picks = CLASSES.filter((each) => !isExact(each)).map((capacity) => {
      const rules = both.flatMap((draw) => [
        ...Array(DRAWS).fill(draw(random(capacity, offset), sets.affinity_ids_many)),
        draw(counting(1, offset), sets.affinity_ids_many),
      ]);
      return chain(affinityPickChain(capacity, local), null, ...rules);
    });
    const toPick = rule(vmap(frontend, local ? sets.affinity_many_local : sets.affinity_many));
    const name = choiceChain(local);
    return [...picks, chain(name, null, ...exactly(remembered), toPick, ...exactly(translated))];
  });
});

const VIEWS = [false, true] as const;

function choiceChain(local: boolean): string {
  return local ? 'affinity_choice_local' : 'affinity_choice';
}

function goneChain(local: boolean): string {
  return local ? 'affinity_gone_local' : 'affinity_gone';
}

/** Leads a client to where it was led before, as long as its time and its endpoint last. */
function timeoutChain(family: Family, timeout: number, local: boolean): ChainNode {
  const { client } = wordsOf(family);
  const { affinity_clients: clients } = setsOf(family);
  const known = knownClient(family, local, timeout);
  return chain(
    affinityChain(timeout, local),
    null,
    known,
    rule(isFound(client, clients), jump(goneChain(local))),
    rule(jump(choiceChain(local))),
    known,
  );
}

/**
 * Forgets a client whose endpoint is gone. It is asked for once more: another packet of the client may have had a choice
 * remembered since the first rule found none, and that choice stays.
 */
const goneChains = onceByFamily((family): readonly ChainNode[] => {
  const { client } = wordsOf(family);
  const { affinity_clients: clients } = setsOf(family);
  return VIEWS.map((local) =>
    chain(
      goneChain(local),
      null,
      knownClient(family, local, null),
      commented('its endpoint is gone', dynset('delete', clients, client, ctMark)),
    ),
  );
});

/** Translates a client that is remembered; it lives on for the timeout in seconds, null: for as long as it would. */
function knownClient(family: Family, local: boolean, timeout: number | null): RuleNode {
  const { frontend, client } = wordsOf(family);
  const { affinity_clients: clients, affinity_endpoints: endpoints } = setsOf(family);
  const bits = { keep: LOCAL_ID - 1, set: local ? LOCAL_ID : 0 };
  const remember = timeout === null ? null : ({ operation: 'update', timeout } as const);
  return rule(affinity({ family, frontend, client, clients, draw: null, ...bits, remember, endpoints }));
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

/** Seconds for which a choice is remembered before the chain of its timeout has it live on for that. */
const LONGEST = 86_400;

/** The chain of a timeout in seconds, for one view of the endpoints. */
export function affinityChain(timeout: number, local: boolean): string {
  return `affinity_${keptTimeout(timeout)}s${local ? '_local' : ''}`;
}

/** The timeout of a chain's name; null for another chain. */
export function timeoutOfChain(chain: string): number | null {
  const digits = /^affinity_(\d+)s(?:_local)?$/.exec(chain)?.[1];
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
const ANY_ID = 0xffff_ffff;

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
