import { expect, test } from 'vitest';
import { logLine } from './log-line.ts';

const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();
const line = (record: object, colors = false) => logLine(JSON.stringify({ time, ...record }), colors);

test('time of day, level, message, fields', () => {
  expect(line({ level: 30, msg: 'in sync', services: 2, of: { a: [1] } })).toBe(
    '[03:04:05.006] INFO: in sync {"services":2,"of":{"a":[1]}}\n',
  );
  expect(line({ level: 40, a: 1 })).toBe('[03:04:05.006] WARN: {"a":1}\n');
});

test('colours', () => {
  expect(line({ level: 20, msg: 'hello', a: 1 }, true)).toBe(
    '[03:04:05.006] \u001b[34mDEBUG\u001b[39m: \u001b[36mhello\u001b[39m \u001b[90m{"a":1}\u001b[39m\n',
  );
});

test('an error stands on lines of its own', () => {
  expect(line({ level: 50, msg: 'x', err: 'no such file (ENOENT)' })).toBe(
    '[03:04:05.006] ERROR: x\n    err: "no such file (ENOENT)"\n',
  );
  const err = { type: 'Error', message: 'm', stack: 'Error: m\u001b[2J\n    at a\n    at b' };
  expect(line({ level: 50, msg: 'x', err })).toBe(
    '[03:04:05.006] ERROR: x\n    err: Error: m\\u001b[2J\n        at a\n        at b\n',
  );
});

test('foreign text changes nothing in a terminal and begins no line', () => {
  const hostile = 'a\n\u001b]0;x\u0007\u202e\u{e0001}';
  const shown = line({ level: 30, msg: hostile, [hostile]: hostile, err: hostile });
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(shown.split('\n')).toHaveLength(3);
});
