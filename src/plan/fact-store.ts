import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { FactChange, FactKind, FactTypes } from '../model/facts.ts';
import { objectKey } from '../model/object.ts';
import { compareText } from '../model/text.ts';

const noSlices: readonly EndpointSliceFact[] = Object.freeze([]);

/** The current facts, by kind and key. */
export class FactStore {
  readonly #byKind: { readonly [Kind in FactKind]: Map<string, FactTypes[Kind]> } = {
    Service: new Map(),
    EndpointSlice: new Map(),
    Pod: new Map(),
    Node: new Map(),
    ServiceCIDR: new Map(),
    IPPool: new Map(),
    FelixConfiguration: new Map(),
    Namespace: new Map(),
    EgressRule: new Map(),
    IpMasqAgent: new Map(),
  };
  /** By Service; mostly a Service has one, which is kept without a list around it. */
  readonly #slicesOf = new Map<string, EndpointSliceFact | readonly EndpointSliceFact[]>();
  readonly #slicesChanged: (service: string) => void;

  /** @param slicesChanged called with the key of each Service whose slices change */
  constructor(slicesChanged: (service: string) => void = () => {}) {
    this.#slicesChanged = slicesChanged;
  }

  of<Kind extends FactKind>(kind: Kind): ReadonlyMap<string, FactTypes[Kind]> {
    return this.#byKind[kind];
  }

  put({ kind, key, fact }: FactChange): void {
    if (kind === 'EndpointSlice') this.#putSlice(this.#byKind[kind].get(key), fact);
    const facts: Map<string, FactTypes[FactKind]> = this.#byKind[kind];
    if (fact === null) facts.delete(key);
    else facts.set(key, fact);
  }

  slicesOf(service: string): readonly EndpointSliceFact[] {
    const slices = this.#slicesOf.get(service) ?? noSlices;
    return isList(slices) ? slices : [slices];
  }

  #putSlice(before: EndpointSliceFact | undefined, after: EndpointSliceFact | null): void {
    if (before !== undefined && after !== null && isSamePlace(before, after)) {
      const service = serviceOf(after);
      const slices = this.#slicesOf.get(service);
      if (slices === before) this.#setSlices(service, after);
      else
        this.#setSlices(
          service,
          this.slicesOf(service).map((slice) => (slice === before ? after : slice)),
        );
      return;
    }
    if (before !== undefined) {
      const service = serviceOf(before);
      this.#setSlices(
        service,
        this.slicesOf(service).filter((slice) => slice !== before),
      );
    }
    if (after === null) return;
    const service = serviceOf(after);
    // All are in one namespace, so names are unique.
    const slices = [...this.slicesOf(service), after].sort((a, b) => compareText(a.name, b.name));
    this.#setSlices(service, slices);
  }

  #setSlices(service: string, slices: EndpointSliceFact | readonly EndpointSliceFact[]): void {
    this.#slicesChanged(service);
    const only = isList(slices) && slices.length === 1 ? slices[0] : undefined;
    if (isList(slices) && slices.length === 0) this.#slicesOf.delete(service);
    else this.#slicesOf.set(service, only ?? slices);
  }
}

function isList(
  slices: EndpointSliceFact | readonly EndpointSliceFact[],
): slices is readonly EndpointSliceFact[] {
  return Array.isArray(slices);
}

function isSamePlace(a: EndpointSliceFact, b: EndpointSliceFact): boolean {
  return a.namespace === b.namespace && a.serviceName === b.serviceName && a.name === b.name;
}

/** The key of the Service that the slice belongs to. */
export function serviceOf({ namespace, serviceName }: EndpointSliceFact): string {
  return objectKey(namespace, serviceName);
}
