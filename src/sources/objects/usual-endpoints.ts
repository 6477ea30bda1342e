import { isRecord } from '../../base/json.ts';
import type { EndpointFact, EndpointSliceFact, EndpointState } from '../../model/endpoint-slice.ts';
import { familyOf, parseAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { specialAddress } from '../../net/special-address.ts';
import { NONE, type SharedValues } from './shared.ts';

/** Comparisons for each endpoint before, at most: enough for a few that are new. */
const LOOKS = 8;

/** Stands in a list of endpoints for one that was read before, from the same text. */
export class KnownEndpoint {
  readonly fact: EndpointFact;

  constructor(fact: EndpointFact) {
    this.fact = fact;
  }
}

/**
 * Reads the endpoints of a slice that have the form that controllers write: one address, conditions, a node, no hints. Every
 * event has all endpoints of its slice, mostly a hundred, of which one has changed: the others are taken over from
 * the state before, so that they cost neither time nor memory.
 */
export class UsualEndpoints {
  readonly family: Family;
  readonly shared: SharedValues;
  readonly #before: readonly EndpointFact[];
  /** Where in the list before the next endpoint is expected. */
  #next = 0;
  /** Comparisons that are left: a list in another order is read anew rather than searched for each endpoint. */
  #looks: number;

  constructor(family: Family, before: EndpointSliceFact | null, shared: SharedValues) {
    this.family = family;
    this.shared = shared;
    // Addresses of the state before are known to be usable in its family.
    this.#before = before?.family === family ? before.endpoints : NONE;
    this.#looks = LOOKS * this.#before.length;
  }

  /** Null for every other form, and for an address that no endpoint can have. */
  read(item: unknown): EndpointFact | null {
    if (item instanceof KnownEndpoint) return item.fact;
    if (!isRecord(item)) return null;
    const { addresses, conditions, nodeName, hints } = item;
    if (!Array.isArray(addresses) || addresses.length !== 1 || !isRecord(conditions)) return null;
    const text: unknown = addresses[0];
    if (typeof text !== 'string' || typeof nodeName !== 'string' || (hints ?? null) !== null) return null;
    const ready = conditions.ready ?? true;
    const serving = conditions.serving ?? true;
    const terminating = conditions.terminating ?? false;
    if (typeof ready !== 'boolean' || typeof serving !== 'boolean' || typeof terminating !== 'boolean') {
      return null;
    }
    const known = this.#known(text);
    if (known !== null && isState(known.state, ready, serving, terminating, nodeName)) return known;
    const address = known?.address ?? parseAddress(text);
    if (address === null) return null;
    if (known === null && (specialAddress(address) !== null || familyOf(address) !== this.family))
      return null;
    const state = { ready, serving, terminating, nodeName, zoneHints: NONE, nodeHints: NONE };
    return { address, state: sharedState(state, this.shared) };
  }

  /** The endpoint of this address before, mostly the one behind the last that was found. */
  #known(address: string): EndpointFact | null {
    const before = this.#before;
    for (let place = this.#next; place < before.length && this.#looks > 0; place++, this.#looks--) {
      if (before[place]?.address !== address) continue;
      this.#next = place + 1;
      return before[place] as EndpointFact;
    }
    return null;
  }
}

function isState(
  state: EndpointState,
  ready: boolean,
  serving: boolean,
  terminating: boolean,
  nodeName: string,
): boolean {
  return (
    state.nodeName === nodeName &&
    state.ready === ready &&
    state.serving === serving &&
    state.terminating === terminating &&
    state.zoneHints.length + state.nodeHints.length === 0
  );
}

/** Equal states are one object. */
export function sharedState(state: EndpointState, shared: SharedValues): EndpointState {
  const { ready, serving, terminating, nodeName, zoneHints, nodeHints } = state;
  // JSON costs more, and only few endpoints need it to tell names and hints apart.
  const isPlain = nodeName !== null && zoneHints.length + nodeHints.length === 0;
  const key = isPlain ? `${ready} ${serving} ${terminating} ${nodeName}` : JSON.stringify(state);
  return shared.value(`endpoint ${key}`, state);
}
