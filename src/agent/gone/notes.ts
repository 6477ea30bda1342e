import type { EndpointSliceFact } from '../../model/endpoint-slice.ts';
import type { FactChange } from '../../model/facts.ts';
import { objectKey } from '../../model/object.ts';
import type { PodFact } from '../../model/pod.ts';
import type { ServiceFact } from '../../model/service.ts';
import { addDeleted, addLeft, addPod, type GoneEndpoints, type KeyFacts } from '../../plan/gone-endpoints.ts';
import { hasSlice } from '../../plan/listed-endpoints.ts';
import type { Planner } from '../../plan/planner.ts';

/**
 * Milliseconds for which an endpoint must stay away: a slice may be replaced by another in two events, and endpoints move
 * from one slice to another.
 */
export const ENDPOINT_GRACE = 150;
/** The same for a Service that is deleted: it may be created again, and its slices come a moment later. */
export const SERVICE_GRACE = 10_000;

/** What a change may have taken away, as it was before. */
type Former =
  | { readonly kind: 'slice'; readonly slice: EndpointSliceFact; readonly service: ServiceFact }
  | {
      readonly kind: 'service';
      readonly service: ServiceFact;
      readonly slices: readonly EndpointSliceFact[];
    }
  | { readonly kind: 'pod'; readonly pod: PodFact };

interface Note {
  readonly former: Former;
  /** When it may be decided, in milliseconds of the agent's clock. */
  readonly due: number;
  /** The number of the delivery. */
  readonly delivery: number;
}

/** What is read of the planner. */
export type Facts = Pick<Planner, 'facts' | 'services' | 'pods' | 'slicesOf' | 'node' | 'enable'>;

/** Remembers what changes took away, until it is sure that it stays away. Costs little: it is filled in the loop of NAT. */
export class GoneNotes {
  readonly #facts: Facts;
  /** By their time; those of Services apart, since they wait for longer. */
  readonly #soon: Note[] = [];
  readonly #late: Note[] = [];
  /** Services that were deleted, and until when their slices may come and go if they were created again. */
  readonly #unsettled = new Map<string, number>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** Call it before the changes are applied. */
  delivered(changes: readonly FactChange[], delivery: number, now: number): void {
    for (const change of changes) {
      const former = this.#formerOf(change);
      if (former === null) continue;
      const isLate = former.kind === 'service';
      const due = now + (isLate ? SERVICE_GRACE : ENDPOINT_GRACE);
      (isLate ? this.#late : this.#soon).push({ former, due, delivery });
      if (isLate) this.#unsettled.set(change.key, due);
    }
  }

  /** When the next may be decided; null: nothing is noted. */
  get nextDue(): number | null {
    const [soon, late] = [this.#soon[0]?.due, this.#late[0]?.due];
    return soon === undefined || late === undefined ? (soon ?? late ?? null) : Math.min(soon, late);
  }

  /** Takes what is due, of deliveries up to this one: their plan is in force. What came back is left out. */
  take(now: number, delivery: number, facts: KeyFacts): GoneEndpoints {
    const gone: GoneEndpoints = new Map();
    for (const notes of [this.#soon, this.#late]) {
      const first = notes.findIndex((note) => note.due > now || note.delivery > delivery);
      for (const { former } of notes.splice(0, first < 0 ? notes.length : first)) {
        this.#decide(former, gone, now, delivery, facts);
      }
    }
    return gone;
  }

  #decide(former: Former, gone: GoneEndpoints, now: number, delivery: number, facts: KeyFacts): void {
    const { services, pods } = this.#facts;
    switch (former.kind) {
      case 'slice': {
        const { slice, service } = former;
        const key = objectKey(service.namespace, service.name);
        const present = services.get(key);
        if (present !== undefined && this.#isSettled(key, slice, now)) {
          addLeft(gone, slice, present, this.#facts, facts);
        } else {
          // The slices of a deleted Service go before it, or after it, and even after it was created again.
          const deleted: Former = { kind: 'service', service, slices: [slice] };
          this.#late.push({ former: deleted, due: now + SERVICE_GRACE, delivery });
        }
        break;
      }
      case 'service': {
        const { service, slices } = former;
        const key = objectKey(service.namespace, service.name);
        if ((this.#unsettled.get(key) ?? now) <= now) this.#unsettled.delete(key);
        const isBack = services.has(key);
        if (!isBack) addDeleted(gone, service, slices, facts);
        else for (const slice of slices) addLeft(gone, slice, service, this.#facts, facts);
        break;
      }
      case 'pod': {
        const { pod } = former;
        addPod(gone, pod, pods.get(objectKey(pod.namespace, pod.name)), facts);
        break;
      }
      default:
        former satisfies never;
    }
  }

  /** False while slices of a Service will come: it was just created again, or has none of this family at all. */
  #isSettled(key: string, { family }: EndpointSliceFact, now: number): boolean {
    if ((this.#unsettled.get(key) ?? 0) > now) return false;
    return hasSlice(this.#facts, key, family);
  }

  #formerOf(change: FactChange): Former | null {
    const { services, pods, facts, enable, node } = this.#facts;
    if (change.kind === 'EndpointSlice' && enable.service) {
      const slice = facts.of('EndpointSlice').get(change.key);
      if (slice === undefined || (change.fact !== null && hasAll(change.fact, slice))) return null;
      const service = services.get(objectKey(slice.namespace, slice.serviceName));
      return service === undefined || service.notOurs !== null ? null : { kind: 'slice', slice, service };
    }
    if (change.kind === 'Service' && enable.service && change.fact === null) {
      const service = services.get(change.key);
      if (service === undefined || service.notOurs !== null) return null;
      return { kind: 'service', service, slices: this.#facts.slicesOf(change.key) };
    }
    if (change.kind === 'Pod' && enable.pod) {
      const pod = pods.get(change.key);
      if (pod === undefined || pod.nat === null || pod.nodeName !== node.nodeName || pod.ips.length === 0)
        return null;
      const { fact } = change;
      const stays = fact !== null && !fact.finished && pod.ips.every((address) => fact.ips.includes(address));
      return stays ? null : { kind: 'pod', pod };
    }
    return null;
  }
}

/** A quick look for the usual change, which takes nothing away; false if it is not sure. */
function hasAll(after: EndpointSliceFact, before: EndpointSliceFact): boolean {
  if (after.serviceName !== before.serviceName || after.ports.length !== before.ports.length) return false;
  if (after.endpoints.length < before.endpoints.length) return false;
  return before.endpoints.every(({ address }, index) => after.endpoints[index]?.address === address);
}
