import { BoundedMap } from '../../base/bounded-map.ts';
import { Wake } from '../../base/wake.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { type ApiIdentity, eventName, eventNamespace, eventObject, seriesPatch } from './event.ts';
import type { EventFact } from './event-facts.ts';
import { EventQueue, type Waiting } from './event-queue.ts';
import { lookUp } from './object-lookup.ts';
import { IDLE, RETRY_FIRST, RETRY_LONGEST, type StatusParts } from './parts.ts';
import type { RowRef } from './rows.ts';

/** Milliseconds during which a repeated fact raises the count of its Event. */
const WINDOW = 15 * 60_000;

/** Maximum number of remembered Events. */
const REMEMBERED = 2_000;

interface Sent {
  readonly count: number;
  readonly at: number;
}

/**
 * Writes Events about objects. Guarantees:
 * 1. A fact gets one Event when it becomes true. After a restart the facts of `known` get none, and others meet their
 *    Event on the server, since the content determines an Event's name.
 * 2. A repetition within the window raises the Event's count.
 * 3. The number of Events is limited, per object and in total (EventQueue).
 * 4. No failure ends it: an Event that the server will never accept is dropped; everything else is retried.
 */
export class EventRecorder {
  readonly #parts: StatusParts;
  readonly #queue: EventQueue;
  readonly #wake: Wake;
  readonly #sent = new BoundedMap<string, Sent>(REMEMBERED);
  readonly #backoff: Backoff;

  constructor(parts: StatusParts) {
    const { surroundings } = parts;
    this.#parts = parts;
    this.#queue = new EventQueue(surroundings.now());
    this.#wake = new Wake(surroundings);
    this.#backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => surroundings.random());
  }

  /** Events that wait, and those dropped because too many waited. */
  get counts(): { readonly waiting: number; readonly dropped: number } {
    return { waiting: this.#queue.size, dropped: this.#queue.dropped };
  }

  /** These facts already have Events of an earlier agent. */
  known(facts: readonly EventFact[]): void {
    this.#queue.known(facts);
  }

  /** @param facts all that are true now. Cheap: Events are written later. */
  observe(facts: readonly EventFact[]): void {
    this.#queue.observe(facts);
    if (this.#queue.size > 0) this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#parts;
    while (!signal.aborted) {
      const next = this.#queue.next(surroundings.now());
      if (next === null || typeof next === 'number') {
        await this.#wake.wait(next, signal);
        continue;
      }
      try {
        this.#queue.attempt(surroundings.now());
        await this.#tell(next, signal);
        this.#queue.done(next, surroundings.now());
        this.#backoff.reset();
        this.#parts.trouble('KNAT_EVENTS_UNWRITTEN', null);
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(next, error, signal);
      }
    }
  }

  async #tell({ fact, times }: Waiting, signal: AbortSignal): Promise<void> {
    const { client, node, surroundings } = this.#parts;
    const identity = await this.#identify(fact.object, signal);
    if (identity === null) return;
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(eventNamespace(fact))}/events`;
    const name = eventName(fact, identity.uid);
    const now = surroundings.now();
    const sent = this.#sent.get(name);
    const at = surroundings.wallClock();
    if (sent !== undefined && now - sent.at < WINDOW) {
      const count = sent.count + times;
      if (await this.#countUp(`${path}/${name}`, seriesPatch(count, at), signal)) {
        this.#sent.set(name, { count, at: now });
        return;
      }
    }
    try {
      const body = eventObject(fact, identity, node, at);
      await client.json({ method: 'POST', path, body }, signal, IDLE);
    } catch (error) {
      // It exists: an earlier agent, or another node's, wrote the same.
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
    this.#sent.set(name, { count: 1, at: now });
  }

  /** False if the Event no longer exists. */
  async #countUp(path: string, body: unknown, signal: AbortSignal): Promise<boolean> {
    const contentType = 'application/merge-patch+json';
    try {
      await this.#parts.client.json({ method: 'PATCH', path, body, contentType }, signal, IDLE);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  async #identify(object: RowRef, signal: AbortSignal): Promise<ApiIdentity | null> {
    const { client, uidOf } = this.#parts;
    if (object.kind === 'Pod' || object.kind === 'Service') {
      const uid = uidOf(object.kind, `${object.namespace}/${object.name}`);
      if (uid !== null) return { apiVersion: 'v1', uid };
    }
    return await lookUp(client, object, signal);
  }

  async #failed(waiting: Waiting, error: unknown, signal: AbortSignal): Promise<void> {
    const { surroundings, trouble, debug } = this.#parts;
    const failure = error instanceof ApiError ? error : null;
    const message = error instanceof Error ? error.message : String(error);
    debug(`Event ${waiting.fact.reason} of ${waiting.fact.object.name}: ${message}`);
    if (failure !== null && isHopeless(failure)) return this.#queue.done(waiting, surroundings.now());
    const remedy =
      failure?.status !== 403
        ? 'NAT is not affected'
        : message.includes('events.k8s.io')
          ? 'a ClusterRole must allow create and patch on resource "events" of API group "events.k8s.io"'
          : 'a ClusterRole must allow that, since an Event names its object by the uid';
    trouble('KNAT_EVENTS_UNWRITTEN', `Events cannot be written: ${message}; ${remedy}`);
    this.#queue.postpone(waiting);
    await surroundings.sleep(this.#backoff.next(failure?.retryAfterMs ?? 0), signal);
  }
}

/** The server will never accept this Event: it is invalid, or its namespace is gone or terminating. */
function isHopeless({ status, reason, message }: ApiError): boolean {
  if (status === 403) return message.includes('is being terminated');
  return status === 400 || status === 404 || status === 413 || status === 422 || reason === 'Invalid';
}
