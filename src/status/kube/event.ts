import { createHash } from 'node:crypto';
import { eventReasons } from '../../model/finding-codes.ts';
import { formatRef } from '../../model/object.ts';
import type { EventFact } from './event-facts.ts';
import { shortened, shortenedToBytes } from './shortened.ts';

/** Which object of the API an Event is about: `kubectl describe` finds it by the uid. */
export interface ApiIdentity {
  readonly apiVersion: string;
  readonly uid: string;
}

const CONTROLLER = 'knat.dev/agent';

/** Limits of the API server, in bytes: kubernetes/pkg/apis/core/validation/events.go. */
const NOTE_LIMIT = 1024;
const INSTANCE_LIMIT = 128;

/** Events of objects without a namespace are in this one; the API server requires it. */
export function eventNamespace({ object }: Pick<EventFact, 'object'>): string {
  return object.namespace ?? 'default';
}

/**
 * The name follows from the content: a restarted agent, and agents of other nodes with the same Service, find the existing
 * Event (409) instead of making another. At most 217 characters, of 253 allowed: 200 of the object, a dot, 16 of the digest.
 */
export function eventName(fact: EventFact, uid: string): string {
  const text = [fact.reason, formatRef(fact.object), uid, fact.note].join('\n');
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${fact.object.name.slice(0, 200).replace(/[.-]+$/, '')}.${digest}`;
}

/** The Event as the API server takes it. @param node that the agent works on */
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

/** The patch that counts an Event up. The server refuses a count below 2. */
export function seriesPatch(count: number, at: Date) {
  return { series: { count: Math.max(2, count), lastObservedTime: microTime(at) } };
}

/** RFC 3339 with six digits behind the second, as metav1.MicroTime has it. */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z');
}
