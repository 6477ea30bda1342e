import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventName, eventObject, seriesPatch } from './event.ts';
import type { EventFact } from './event-facts.ts';
import { shortenedToBytes } from './shortened.ts';

const fact: EventFact = {
  reason: 'NatConflict',
  object: { kind: 'Pod', namespace: 'shop', name: 'mail' },
  note: 'it belongs to another',
};

test('the name follows from what the Event says, and from nothing else', () => {
  const name = eventName(fact, 'uid');
  expect(name).toMatch(/^mail\.[0-9a-f]{16}$/);
  expect(eventName({ ...fact }, 'uid')).toBe(name);
  const others = [
    eventName(fact, 'another'),
    eventName({ ...fact, note: 'else' }, 'uid'),
    eventName({ ...fact, reason: 'NatInvalid' }, 'uid'),
    eventName({ ...fact, object: { ...fact.object, namespace: 'other' } }, 'uid'),
  ];
  expect(new Set([name, ...others]).size).toBe(5);
});

test('a name of any length gives the name of an object', () => {
  const long = eventName(
    { ...fact, object: { ...fact.object, name: `${'a'.repeat(199)}-b.${'c'.repeat(51)}` } },
    '',
  );
  expect(long).toMatch(/^a+\.[0-9a-f]{16}$/);
  expect(long.length).toBeLessThanOrEqual(253);
});

test('no field is longer than the API server takes', () => {
  const event = eventObject(
    { ...fact, note: 'ü'.repeat(2000) },
    { apiVersion: 'v1', uid: '' },
    'n'.repeat(253),
    new Date(0),
  );
  expect(Buffer.byteLength(event.note)).toBeLessThanOrEqual(1024);
  expect(Buffer.byteLength(event.reportingInstance)).toBeLessThanOrEqual(128);
  expect(event.eventTime).toBe('1970-01-01T00:00:00.000000Z');
});

test('an object without a namespace has its Events in default', () => {
  const pool = { ...fact, object: { kind: 'IPPool', name: 'outer' } };
  const event = eventObject(pool, { apiVersion: 'knat.dev/v1', uid: 'u' }, 'n', new Date(0));
  expect(event.metadata.namespace).toBe('default');
  expect(event.regarding).toEqual({ apiVersion: 'knat.dev/v1', kind: 'IPPool', name: 'outer', uid: 'u' });
});

test('a series counts two at least', () => {
  expect(seriesPatch(1, new Date(0)).series.count).toBe(2);
  expect(seriesPatch(7, new Date(0)).series.count).toBe(7);
});

test('a text is cut between characters, and only when it is too long', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.includes('\ufffd'));
  fc.assert(
    fc.property(text, fc.integer({ min: 3, max: 40 }), (text, bytes) => {
      const cut = shortenedToBytes(text, bytes);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
      expect(cut).not.toContain('\ufffd');
      if (Buffer.byteLength(text) <= bytes) expect(cut).toBe(text);
      else expect(text.startsWith(cut.slice(0, -1))).toBe(true);
    }),
  );
});
