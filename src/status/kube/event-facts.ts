import { type EventReason, eventOf, eventReasons } from '../../model/finding-codes.ts';
import { formatRef } from '../../model/object.ts';
import { firstFew } from '../../model/text.ts';
import { claimText } from '../../plan/claims.ts';
import type { BindingRow, RowRef, Rows } from './rows.ts';

/** A fact about an object that becomes an Event: at most one per object and reason. */
export interface EventFact {
  readonly reason: EventReason;
  readonly object: RowRef;
  /** For people; a changed text makes a new Event. */
  readonly note: string;
}

/** Kinds of objects that get Events. */
const KINDS: ReadonlySet<string> = new Set(['Pod', 'Service', 'IPPool', 'FelixConfiguration', 'EgressRule']);

/** Maximum number of addresses and messages in a note. */
const SHOWN = 8;

/** An earlier agent's complete rows give the facts that already have Events. */
export function eventFacts({ bindings, conflicts, rejected }: Rows): EventFact[] {
  const notes = new Map<string, { reason: EventReason; object: RowRef; texts: string[] }>();
  const add = (reason: EventReason, object: RowRef, text: string) => {
    if (!KINDS.has(object.kind)) return;
    const key = factKey({ reason, object });
    const note = notes.get(key);
    if (note === undefined) notes.set(key, { reason, object, texts: [text] });
    else note.texts.push(text);
  };
  for (const row of bindings) add('NatApplied', { kind: 'Pod', ...row.pod }, bindingText(row));
  for (const row of conflicts) {
    for (const loser of row.losers) add(eventOf('NatConflict'), loser, claimText(row));
  }
  for (const { object, reason, message, field } of rejected) {
    if (isReason(reason)) add(reason, object, field === undefined ? message : `${field}: ${message}`);
  }
  return [...notes.values()].map(({ reason, object, texts }) => ({
    reason,
    object,
    note: firstFew(texts, SHOWN, '; '),
  }));
}

/** Identifies object and reason. */
export function factKey({ reason, object }: Pick<EventFact, 'reason' | 'object'>): string {
  return `${reason} ${formatRef(object)}`;
}

function bindingText({ address, port, lastPort = port, protocol, podAddress, podPort }: BindingRow): string {
  const [rest, podRest] = lastPort === port ? ['', ''] : [`-${lastPort}`, `-${podPort + lastPort - port}`];
  return `${place(address, port)}${rest}/${protocol} goes to ${place(podAddress, podPort)}${podRest}`;
}

function place(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function isReason(reason: string): reason is EventReason {
  return Object.hasOwn(eventReasons, reason);
}
