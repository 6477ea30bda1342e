/** A Service with many endpoints, in slices of 100 as Kubernetes makes them. */
import type { EndpointFact, EndpointSliceFact } from '../src/model/endpoint-slice.ts';
import type { FactChange } from '../src/model/facts.ts';
import { addressFromNumber } from '../src/net/address.ts';
import { serviceFact, sliceFact } from '../test/generators/large-cluster.ts';

/** Its number among the Services of large-cluster.ts: no other has it. */
const WIDE = 900_000;
const IN_SLICE = 100;
const MOST_SLICES = 10;
/** 10.192.0.0: pods that replace others. */
const FIRST_NEW_POD = 0x0ac0_0000n;

const service = serviceFact(WIDE);
const pattern = sliceFact(WIDE, 1);

/** The Service with this many pods; with none, neither it nor its slices are there. */
export function wideService(pods: number): FactChange[] {
  const key = `${service.namespace}/${service.name}`;
  const all = podsOf(pods);
  const slices = Array.from({ length: MOST_SLICES }, (_, index) =>
    sliceChange(index, all.slice(index * IN_SLICE, (index + 1) * IN_SLICE)),
  );
  return [{ kind: 'Service', key, fact: pods === 0 ? null : service }, ...slices];
}

/** Changes that each replace one pod by another, in all parts of the Service in turn. */
export function replacedPods(pods: number, count: number): FactChange[][] {
  const all = podsOf(pods);
  return Array.from({ length: count }, (_, turn) => {
    const which = (turn * 37) % pods;
    all[which] = pod(FIRST_NEW_POD + BigInt(turn));
    const index = Math.floor(which / IN_SLICE);
    return [sliceChange(index, all.slice(index * IN_SLICE, (index + 1) * IN_SLICE))];
  });
}

/** Three changes for each pod: the new one is there, it is ready, the old one is gone. */
export function* rolledPods(pods: number): Generator<FactChange[]> {
  const all = podsOf(pods);
  for (let which = 0; which < pods; which++) {
    const index = Math.floor(which / IN_SLICE);
    const others = all.slice(index * IN_SLICE, (index + 1) * IN_SLICE);
    const fresh = pod(FIRST_NEW_POD + BigInt(which));
    yield [
      sliceChange(index, [...others, { ...fresh, state: { ...fresh.state, ready: false, serving: false } }]),
    ];
    yield [sliceChange(index, [...others, fresh])];
    all[which] = fresh;
    yield [sliceChange(index, all.slice(index * IN_SLICE, (index + 1) * IN_SLICE))];
  }
}

function podsOf(count: number): EndpointFact[] {
  return Array.from({ length: count }, (_, index) => pod(0x0ab0_0000n + BigInt(index))); // 10.176.0.0
}

function pod(address: bigint): EndpointFact {
  const [first] = pattern.endpoints;
  if (first === undefined) throw new TypeError('a slice without endpoints');
  return { ...first, address: addressFromNumber('IPv4', address) };
}

function sliceChange(index: number, endpoints: readonly EndpointFact[]): FactChange {
  const name = `${service.name}-${index}`;
  const fact: EndpointSliceFact | null = endpoints.length === 0 ? null : { ...pattern, name, endpoints };
  return { kind: 'EndpointSlice', key: `${service.namespace}/${name}`, fact };
}
