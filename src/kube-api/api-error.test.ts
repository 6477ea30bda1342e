import { expect, test } from 'vitest';
import { answeredError, statusError } from './api-error.ts';

test('a Status tells code, reason and how long to wait', () => {
  const body = {
    kind: 'Status',
    message: 'busy',
    reason: 'Timeout',
    code: 504,
    details: { retryAfterSeconds: 3 },
  };
  expect(answeredError(500, JSON.stringify(body), undefined)).toMatchObject({
    failure: 'answered',
    status: 504,
    reason: 'Timeout',
    message: 'busy',
    retryAfterMs: 3000,
  });
});

test('the header wins over the body', () => {
  const body = { kind: 'Status', code: 429, details: { retryAfterSeconds: 3 } };
  expect(answeredError(429, JSON.stringify(body), '7').retryAfterMs).toBe(7000);
});

test.each([
  ['', 'HTTP 502', undefined, null],
  ['Too many requests\n', 'Too many requests', '1', 1000],
  ['<html>', '<html>', 'Wed, 21 Oct 2026 07:28:00 GMT', null],
  ['[]', '[]', '-1', null],
  [`{${'x'.repeat(300)}`, `{${'x'.repeat(199)}`, 'soon', null],
])('an answer that is no Status: %j', (body, message, header, retryAfterMs) => {
  expect(answeredError(502, body, header)).toMatchObject({ status: 502, message, retryAfterMs, reason: '' });
});

test.each([null, 7, 'gone', [], { code: '410' }])(
  'an ERROR event with %j is an error all the same',
  (object) => {
    expect(statusError(object)).toMatchObject({ status: 0, message: 'status 0' });
  },
);
