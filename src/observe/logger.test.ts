import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { logWarnings } from './logger.ts';

test('a warning of Node.js is a line of the log, and nothing else', () => {
  const lines: string[] = [];
  const process = new EventEmitter();
  process.on('warning', () => lines.push('plain text'));
  logWarnings(pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) }), process);
  process.emit('warning', Object.assign(new Error('11 listeners'), { name: 'MaxListenersExceededWarning' }));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 40,
    msg: 'Node.js: MaxListenersExceededWarning',
    err: { message: '11 listeners' },
  });
});
