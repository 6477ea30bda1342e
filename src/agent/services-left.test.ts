import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ServicesLeft } from './services-left.ts';

const RULES = ['table ip kube-proxy (nftables mode)'];

/** What each look finds, one after the other; the last one is repeated. Ends after the last look, or when it moved. */
async function watched(
  isLeft: boolean,
  looks: readonly boolean[],
): Promise<{ moved: boolean; log: string[] }> {
  const stop = new AbortController();
  const log: string[] = [];
  const left = [...looks];
  let hasMoved = false;
  const guard = new ServicesLeft(
    {
      find: async () => {
        const isThere = left.shift() ?? false;
        if (left.length === 0) stop.abort();
        return { found: isThere ? RULES : [], ipvs: false, unseen: [] };
      },
    },
    {
      isLeft,
      moved: () => {
        hasMoved = true;
        stop.abort();
      },
      watch: () => () => {},
      logger: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line).msg) }),
      surroundings: { sleep: async () => {}, wallClock: () => new Date(0) },
    },
  );
  await guard.watch(stop.signal);
  return { moved: hasMoved, log };
}

test.each([
  ['it stays', true, [true, true, true, true], false],
  ['it writes its rules anew: one look finds none', true, [true, false, true, true], false],
  ['it goes', true, [true, false, false, false], true],
  ['it never comes', false, [false, false, false], false],
  ['rules for a moment, of a kube-proxy that is being cleaned up', false, [true, false, false], false],
  ['it comes', false, [false, true, true, true], true],
])('%s', async (_, isLeft, looks, moved) => {
  expect((await watched(isLeft, looks)).moved).toBe(moved);
});

test('a look that fails is told, and the next one decides', async () => {
  const stop = new AbortController();
  let looks = 0;
  let hasMoved = false;
  const log: string[] = [];
  const guard = new ServicesLeft(
    {
      find: async () => {
        if (looks++ === 0) throw new Error('no memory');
        return { found: [], ipvs: false, unseen: [] };
      },
    },
    {
      isLeft: true,
      moved: () => {
        hasMoved = true;
        stop.abort();
      },
      watch: () => () => {},
      logger: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line).msg) }),
      surroundings: { sleep: async () => {}, wallClock: () => new Date(0) },
    },
  );
  await guard.watch(stop.signal);
  expect([hasMoved, log]).toEqual([
    true,
    ['looking for kube-proxy failed', 'kube-proxy is gone: knat does Service NAT from now on'],
  ]);
});
