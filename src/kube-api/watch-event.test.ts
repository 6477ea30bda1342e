import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { readWatchEvent } from './watch-event.ts';

const line = (type: string, object: object) => JSON.stringify({ type, object });
const metadata = { name: 'a', resourceVersion: '7' };

test('present objects and deleted objects', () => {
  expect(readWatchEvent(line('ADDED', { metadata }))).toEqual({
    type: 'set',
    object: { metadata },
    version: '7',
  });
  expect(readWatchEvent(line('MODIFIED', { metadata }))).toMatchObject({ type: 'set' });
  expect(readWatchEvent(line('DELETED', { metadata }))).toMatchObject({ type: 'delete', version: '7' });
});

test('bookmarks, and the one that ends a streaming list', () => {
  const ending = { ...metadata, annotations: { 'k8s.io/initial-events-end': 'true' } };
  expect(readWatchEvent(line('BOOKMARK', { metadata }))).toEqual({
    type: 'bookmark',
    version: '7',
    endsList: false,
  });
  expect(readWatchEvent(line('BOOKMARK', { metadata: ending }))).toMatchObject({ endsList: true });
});

test('an error of the server is thrown with its code', () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (2)' };
  expect(() => readWatchEvent(line('ERROR', status))).toThrow(expect.objectContaining({ status: 410 }));
});

test('whatever else comes is an ApiError, never a crash', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        readWatchEvent(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
      }
    }),
  );
});
