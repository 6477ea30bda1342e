import type { EndpointFact, EndpointState } from '../model/endpoint-slice.ts';
import type { AddressPlace } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import type { Endpoint } from './entry.ts';

/** Endpoints by address and port, each once. A fact and its endpoint have the same index. */
export interface Candidates {
  readonly endpoints: readonly Endpoint[];
  readonly facts: readonly EndpointFact[];
}

/** The candidates of one slice at one port. */
export interface Run extends Candidates {
  /** Of the addresses, with the same index. */
  readonly places: readonly AddressPlace[];
  readonly port: Port;
}

/** A run that is not used up. */
interface Head {
  readonly run: Run;
  /** The next index, and its place. */
  at: number;
  place: AddressPlace;
}

/** All candidates of the runs. Costs n log r for r runs. */
export function mergedRuns(runs: readonly Run[]): Candidates {
  const heap: Head[] = runs.flatMap((run) => {
    const [place] = run.places;
    return place === undefined ? [] : [{ run, at: 0, place }];
  });
  for (let i = heap.length >> 1; i >= 0; i--) sink(heap, i);
  // As many as there can be: arrays that grow are copied again and again.
  const most = runs.reduce((sum, run) => sum + run.endpoints.length, 0);
  const endpoints = new Array<Endpoint>(most);
  const facts = new Array<EndpointFact>(most);
  let count = 0;
  for (let head = heap[0]; head !== undefined; head = heap[0]) {
    const { run, at } = head;
    const endpoint = run.endpoints[at] as Endpoint;
    const fact = run.facts[at] as EndpointFact;
    const last = count - 1;
    const previous = last < 0 ? undefined : endpoints[last];
    if (previous?.address !== endpoint.address || previous.port !== endpoint.port) {
      endpoints[count] = endpoint;
      facts[count] = fact;
      count++;
    } else if (compareDuplicates(fact.state, (facts[last] as EndpointFact).state) < 0) facts[last] = fact;
    head.at = at + 1;
    const place = run.places[head.at];
    if (place !== undefined) head.place = place;
    else {
      const other = heap.pop() as Head;
      if (heap.length > 0) heap[0] = other;
    }
    sink(heap, 0);
  }
  if (count === most) return { endpoints, facts };
  return { endpoints: endpoints.slice(0, count), facts: facts.slice(0, count) };
}

/** Moves the head at this index down to its place in the heap. */
function sink(heap: Head[], from: number): void {
  const head = heap[from];
  if (head === undefined) return;
  let index = from;
  for (;;) {
    let below = 2 * index + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Head, heap[below] as Head)) below++;
    const next = heap[below] as Head;
    if (!isBefore(next, head)) break;
    heap[index] = next;
    index = below;
  }
  heap[index] = head;
}

function isBefore(a: Head, b: Head): boolean {
  return a.place === b.place ? a.run.port < b.run.port : a.place < b.place;
}

/**
 * Orders the endpoints of one address; the first is used: ready, serving, neither; then not terminating before
 * terminating (the address was assigned again); then with a node or hints before without; then the lower text. Whether
 * an endpoint is on this node does not matter, so that all nodes choose the same.
 */
export function compareDuplicates(a: EndpointState, b: EndpointState): number {
  if (a === b) return 0;
  const rank = (state: EndpointState) =>
    (state.ready ? 4 : state.serving ? 2 : 0) + (state.terminating ? 0 : 1);
  return (
    rank(b) - rank(a) ||
    compareSaid(a.nodeName ?? '', b.nodeName ?? '') ||
    compareSaid(a.nodeHints.join(), b.nodeHints.join()) ||
    compareSaid(a.zoneHints.join(), b.zoneHints.join())
  );
}

/** An empty text comes last. */
function compareSaid(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  return a < b ? -1 : 1;
}
