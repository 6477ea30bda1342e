import type { EndpointFact, EndpointSliceFact } from '../model/endpoint-slice.ts';
import { type AddressPlace, placeOf } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import { type Candidates, compareDuplicates, mergedRuns, type Run } from './candidate-runs.ts';
import type { Endpoint } from './entry.ts';

const NONE: Candidates = Object.freeze({ endpoints: [], facts: [] });

interface Match {
  readonly slice: EndpointSliceFact;
  readonly port: Port;
}

/**
 * The endpoints of a Service port. Slices match the port by name, protocol and family; names and order of slices do not matter. Of several slices, only
 * those that are new are sorted; their endpoints keep their identity, so that comparing two lists is quick.
 */
export function candidatesOf(
  slices: readonly EndpointSliceFact[],
  port: { readonly name: string; readonly protocol: Protocol },
  family: Family,
): Candidates {
  let first: Match | null = null;
  const more: Match[] = [];
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { name, protocol, port: number } of slice.ports) {
      if (name !== port.name || protocol !== port.protocol) continue;
      const match = { slice, port: number };
      if (first === null) first = match;
      else more.push(match);
    }
  }
  if (first === null) return NONE;
  if (more.length > 0) return mergedRuns([first, ...more].map(runOf));
  const facts = sorted(first.slice.endpoints);
  return { facts, endpoints: endpointsAt(facts, first.port) };
}

/** The sorted facts of a slice that shares its Service with others, and its endpoints by port. */
interface SortedSlice {
  readonly facts: readonly EndpointFact[];
  readonly places: readonly AddressPlace[];
  readonly endpoints: Map<Port, readonly Endpoint[]>;
}

const sortedSlices = new WeakMap<EndpointSliceFact, SortedSlice>();

function runOf({ slice, port }: Match): Run {
  let known = sortedSlices.get(slice);
  if (known === undefined) {
    const facts = sorted(slice.endpoints);
    const places = facts.map(({ address }) => placeOf(address));
    known = { facts, places, endpoints: new Map() };
    sortedSlices.set(slice, known);
  }
  let endpoints = known.endpoints.get(port);
  if (endpoints === undefined) {
    endpoints = endpointsAt(known.facts, port);
    known.endpoints.set(port, endpoints);
  }
  return { facts: known.facts, places: known.places, port, endpoints };
}

function endpointsAt(facts: readonly EndpointFact[], port: Port): Endpoint[] {
  return facts.map(({ address }) => ({ address, port }));
}

/** By address, each once; the same list if it is in order. */
function sorted(facts: readonly EndpointFact[]): readonly EndpointFact[] {
  if (areInOrder(facts)) return facts;
  const placed = facts.map((fact) => ({ fact, place: placeOf(fact.address) }));
  placed.sort((a, b) =>
    a.place < b.place ? -1 : a.place > b.place ? 1 : compareDuplicates(a.fact.state, b.fact.state),
  );
  return placed
    .filter(({ place }, index) => index === 0 || placed[index - 1]?.place !== place)
    .map(({ fact }) => fact);
}

function areInOrder(facts: readonly EndpointFact[]): boolean {
  let previous: AddressPlace | null = null;
  for (const { address } of facts) {
    const place = placeOf(address);
    if (previous !== null && previous >= place) return false;
    previous = place;
  }
  return true;
}
