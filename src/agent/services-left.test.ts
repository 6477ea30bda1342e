import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ProxyRules } from './kube-proxy-sight.ts';
import { ServicesLeft } from './services-left.ts';

const RULES = ['table ip kube-proxy (nftables mode)'];
const nothing: Exclude<Look, Error> = { found: [], ipvs: false, unseen: [] };

/** What a look finds; an error is thrown. */
type Look = Error | Awaited<ReturnType<ProxyRules['find']>>;

/** A guard that finds these, one after the other. The signal aborts with the last look, or when the guard has moved. */
function guardOf(isLeft: boolean, looks: readonly Look[]) {
  const stop = new AbortController();
  const log: string[] = [];
  const left = [...looks];
  const seen = { moved: false, log };
  const find = async () => {
    const look = left.shift() ?? nothing;
    if (left.length === 0) stop.abort();
    if (look instanceof Error) throw look;
    return look;
  };
  const guard = new ServicesLeft(
    { find },
    {
      isLeft,
      moved: () => {
        seen.moved = true;
        stop.abort();
      },
      watch: () => () => {},
      logger: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line).msg) }),
      surroundings: { sleep: async () => {}, wallClock: () => new Date(0) },
    },
  );
  return { guard, seen, signal: stop.signal };
}

test.each([
  ['it stays', true, [true, true, true, true], false],
  ['it writes its rules anew: one look finds none', true, [true, false, true, true], false],
  ['it goes', true, [true, false, false, false], true],
  ['it never comes', false, [false, false, false], false],
  ['rules for a moment, of a kube-proxy that is being cleaned up', false, [true, false, false], false],
  ['it comes', false, [false, true, true, true], true],
])('%s', async (_, isLeft, looks, moved) => {
  const found = looks.map((isThere) => (isThere ? { ...nothing, found: RULES } : nothing));
  const { guard, seen, signal } = guardOf(isLeft, found);
  await guard.watch(signal);
  expect(seen.moved).toBe(moved);
});

test('a look that fails is told, and the next one decides', async () => {
  const { guard, seen, signal } = guardOf(true, [new Error('no memory'), nothing, nothing, nothing]);
  await guard.watch(signal);
  expect(seen).toEqual({
    moved: true,
    log: ['looking for kube-proxy failed', 'kube-proxy is gone: knat does Service NAT from now on'],
  });
});

test('what cannot be seen of kube-proxy is told: its rules may be there all the same', async () => {
  const { guard, seen, signal } = guardOf(false, [{ ...nothing, unseen: ['legacy tables'] }]);
  await guard.admit(signal);
  expect(seen.log).toEqual(['cannot tell whether kube-proxy left rules: legacy tables']);
});
