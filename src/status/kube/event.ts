import { createHash } from 'node:crypto';
import { eventReasons } from '../../model/finding-codes.ts';
import { formatRef } from '../../model/object.ts';
import type { EventFact } from './event-facts.ts';
import { shortened, shortenedToBytes } from './shortened.ts';

/** The object of an Event: `kubectl describe` finds the Event by the uid. */
export interface ApiIdentity {
  readonly apiVersion: string;
  readonly uid: string;
}

const CONTROLLER = 'knat.dev/agent';

/** Limits of the API server, in bytes: kubernetes/pkg/apis/core/validation/events.go. */
const NOTE_LIMIT = 1024;
const INSTANCE_LIMIT = 128;

/** The API server requires a namespace also for objects without one. */
export function eventNamespace({ object }: Pick<EventFact, 'object'>): string {
  return object.namespace ?? 'default';
}

/**
 * The content determines the name: a restarted agent, and other nodes' agents with the same Service, find the existing
 * Event (409). At most 217 of 253 allowed characters: 200 of the object, a dot, 16 of the digest.
 */
export function eventName(fact: EventFact, uid: string): string {
  const text = [fact.reason, formatRef(fact.object), uid, fact.note].join('\n');
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${fact.object.name.slice(0, 200).replace(/[.-]+$/, '')}.${digest}`;
}

/** @param node the agent's node */
export function eventObject(fact: EventFact, { apiVersion, uid }: ApiIdentity, node: string, at: Date) {
  const { kind, namespace, name } = fact.object;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: eventName(fact, uid), namespace: eventNamespace(fact) },
    eventTime: microTime(at),
    reportingController: CONTROLLER,
    reportingInstance: shortened(node, INSTANCE_LIMIT - 2),
    ...eventReasons[fact.reason],
    reason: fact.reason,
    note: shortenedToBytes(fact.note, NOTE_LIMIT),
    regarding: { apiVersion, kind, name, uid, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** Raises an Event's count. The server refuses a count below 2. */
export function seriesPatch(count: number, at: Date) {
  return { series: { count: Math.max(2, count), lastObservedTime: microTime(at) } };
}

/** metav1.MicroTime: RFC 3339 with six fractional digits. */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z');
}
