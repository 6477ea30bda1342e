import { readDefinition } from '../../test/cluster/manifests.ts';
import type { ApiObject, JsonObject } from '../../test/cluster/simulator/objects.ts';
import { BUILT_IN, customTypes, type ResourceType } from '../../test/cluster/simulator/resource-types.ts';
import type { Store } from '../../test/cluster/simulator/store.ts';
import {
  clusterAddress,
  endpointObject,
  nodeObject,
  podAddress,
  serviceObject,
  sliceOf,
} from '../kube-objects.ts';
import type { ScaleCase, ServiceGroup } from './cases.ts';
import { EGRESS_ADDRESS, egressPod, egressPool, egressRule } from './egress-objects.ts';
import type { CheckedService, Truth } from './messages.ts';

/** As the controller of EndpointSlices fills them. */
const ENDPOINTS_OF_SLICE = 100;
/** Services, and pods of an EgressRule, that are checked with packets. */
const CHECKED = 60;
/** The first Service: the address before it is that of the network. */
const FIRST = 1;
const DEFINITIONS = ['nodenats', 'ippools', 'egressrules'];

interface Endpoint {
  readonly pod: number;
  readonly isReady: boolean;
  /** Made once: an event makes one new object, not a hundred. */
  readonly object: JsonObject;
}

/** The objects of a case, in the store of the API server, and what the kernel must have for them. */
export class ScaleCluster {
  readonly #store: Store;
  readonly #types = [...BUILT_IN];
  /** By Service, by slice. */
  readonly #slices: Endpoint[][][] = [];
  #pods = 0;
  #egressPods = 0;
  /** Counted while the objects are built. */
  #bytes = 0;
  #isBuilt = false;
  /** Services that a change concerned: they are checked first. */
  readonly #changed = new Set<number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Makes all objects. */
  build({ groups, egressPods }: ScaleCase): void {
    for (const plural of DEFINITIONS) {
      const definition = readDefinition(plural) as ApiObject;
      this.#put(definition);
      this.#types.push(...customTypes(definition));
    }
    this.#put(nodeObject());
    for (const { services, endpoints } of groups) {
      for (let i = 0; i < services; i++) this.addService(endpoints);
    }
    if (egressPods > 0) this.#put(egressPool());
    if (egressPods > 0) this.#put(egressRule());
    for (let i = 0; i < egressPods; i++) this.#put(egressPod(i));
    this.#egressPods = egressPods;
    this.#changed.clear();
    this.#isBuilt = true;
    this.forget();
  }

  /** Watches cannot begin with an earlier state any more, and the memory of the server does not grow. */
  forget(): void {
    this.#store.compact();
  }

  get jsonMiB(): number {
    return this.#bytes / 2 ** 20;
  }

  get services(): number {
    return this.#slices.length;
  }

  endpointsOf(service: number): number {
    return this.#slices[service]?.reduce((sum, slice) => sum + slice.length, 0) ?? 0;
  }

  /** Gives the numbers of its pods. */
  addService(endpoints: number): number[] {
    const service = this.#slices.length;
    const pods = Array.from({ length: endpoints }, () => this.newPod());
    const slices: Endpoint[][] = [];
    for (let at = 0; at < endpoints; at += ENDPOINTS_OF_SLICE) {
      slices.push(pods.slice(at, at + ENDPOINTS_OF_SLICE).map((pod) => endpoint(service, pod, true)));
    }
    this.#slices.push(slices);
    this.#put(serviceObject(FIRST + service));
    for (let serial = 0; serial < slices.length; serial++) this.#putSlice(service, serial);
    return pods;
  }

  /** A number that no pod had before. */
  newPod(): number {
    return ++this.#pods;
  }

  /** The pods of a Service, each with its slice. */
  podsOf(service: number): { pod: number; serial: number }[] {
    return (this.#slices[service] ?? []).flatMap((slice, serial) =>
      slice.map(({ pod }) => ({ pod, serial })),
    );
  }

  /** One event: the slice with other endpoints. */
  changeSlice(service: number, serial: number, change: (endpoints: readonly Endpoint[]) => Endpoint[]): void {
    const slices = this.#slices[service];
    const slice = slices?.[serial];
    if (slices === undefined || slice === undefined)
      throw new RangeError(`${service} has no slice ${serial}`);
    slices[serial] = change(slice);
    this.#putSlice(service, serial);
  }

  /** What the kernel must have now, and endpoints that no object has. */
  truth(hidden: number): Truth {
    const step = Math.max(1, Math.floor(this.services / CHECKED));
    const some = Array.from({ length: CHECKED }, (_, i) => i * step).filter((each) => each < this.services);
    const checked = new Set([...[...this.#changed].slice(-CHECKED), ...some]);
    const ready = this.#slices.map((slices) => slices.flat().filter(({ isReady }) => isReady).length);
    return {
      services: this.services,
      endpoints: ready.reduce((sum, count) => sum + count, hidden),
      checked: [...checked].map((service): CheckedService => {
        const pods = (this.#slices[service] ?? []).flat().filter(({ isReady }) => isReady);
        return {
          address: clusterAddress(FIRST + service),
          endpoints: pods.map(({ pod }) => podAddress(pod)),
        };
      }),
      egress: {
        pods: this.#egressPods,
        address: EGRESS_ADDRESS,
        checked: Math.min(CHECKED, this.#egressPods),
      },
    };
  }

  #putSlice(service: number, serial: number): void {
    this.#changed.delete(service); // the latest come last
    this.#changed.add(service);
    const endpoints = this.#slices[service]?.[serial] ?? [];
    const objects = endpoints.map(({ object }) => object);
    this.#put(sliceOf(FIRST + service, serial, objects));
  }

  #put(object: ApiObject): void {
    if (!this.#isBuilt) this.#bytes += JSON.stringify(object).length;
    this.#store.put(typeOf(object, this.#types), object);
  }
}

export function countOf(groups: readonly ServiceGroup[]): { services: number; endpoints: number } {
  let [services, endpoints] = [0, 0];
  for (const group of groups) {
    services += group.services;
    endpoints += group.services * group.endpoints;
  }
  return { services, endpoints };
}

export function endpoint(service: number, pod: number, isReady: boolean): Endpoint {
  return { pod, isReady, object: endpointObject(FIRST + service, pod, isReady) };
}

function typeOf({ apiVersion, kind }: ApiObject, types: readonly ResourceType[]): ResourceType {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const found = types.find((type) => type.kind === kind && type.group === group);
  if (found === undefined) throw new Error(`the server has no ${apiVersion} ${kind}`);
  return found;
}
