import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { KubeProxyGuard, KubeProxyPresent } from './kube-proxy-guard.ts';

const signal = new AbortController().signal;
const found = ['table ip kube-proxy (nftables mode)'];
let present: boolean;
let ipvs: boolean;
let removals: number;
/** How long the guard slept, each time. */
let waits: number[];
let log: string[];

beforeEach(() => {
  present = false;
  ipvs = false;
  removals = 0;
  waits = [];
  log = [];
});

/** A guard whose clock is the test's: `between` is called at each sleep and says whether to go on. */
function guard(replace: boolean, between: () => boolean = () => false) {
  const stop = new AbortController();
  const logger = pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line).msg) });
  const sleep = async (milliseconds: number) => {
    waits.push(milliseconds);
    if (!between()) stop.abort();
  };
  const proxy = {
    find: async () => ({ found: present ? found : [], ipvs, unseen: [] }),
    remove: async () => {
      removals++;
      present = false;
    },
  };
  const wallClock = () => new Date(0);
  return { guard: new KubeProxyGuard(proxy, { replace, logger, surroundings: { sleep, wallClock } }), stop };
}

test('nothing there: admitted, nothing removed', async () => {
  const { guard: it } = guard(true);
  await it.admit(signal);
  await it.takeOver(signal);
  expect([removals, it.status, log]).toEqual([0, null, []]);
});

test('refused without --replace-kube-proxy, and in IPVS mode always', async () => {
  present = true;
  await expect(guard(false).guard.admit(signal)).rejects.toBeInstanceOf(KubeProxyPresent);
  await expect(guard(true).guard.admit(signal)).resolves.toBeUndefined();
  ipvs = true;
  await expect(guard(true).guard.admit(signal)).rejects.toMatchObject({ details: found });
});

test('nothing is removed before ours is in force', async () => {
  present = true;
  const { guard: it } = guard(true);
  await it.admit(signal);
  expect(removals).toBe(0);
  expect(it.status).toMatchObject({ found, removals: 0 });
  await it.takeOver(signal);
  expect(removals).toBe(1);
  expect(it.status).toBeNull();
});

test('a kube-proxy that keeps writing is reported each time, and its rules are removed at growing intervals', async () => {
  present = true;
  const { guard: it, stop } = guard(true, () => {
    present = waits.length !== 3; // it wrote its rules again; once it was late
    return waits.length < 10;
  });
  await it.takeOver(signal);
  await it.watch(stop.signal);
  expect(waits).toEqual([10, 20, 40, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1000));
  expect(removals).toBe(9);
  expect(log.filter((line) => line.startsWith('kube-proxy has its rules again'))).toHaveLength(8);
});

test('rules of a stopped kube-proxy are removed for good', async () => {
  const { guard: it, stop } = guard(true, () => {
    if (waits.length <= 4) present = true;
    return waits.length < 8;
  });
  await it.watch(stop.signal);
  expect(removals).toBe(4);
  expect(present).toBe(false);
  expect(it.status).toBeNull();
});

test('one that appears later is reported, not touched, without --replace-kube-proxy; its end is reported', async () => {
  const { guard: it, stop } = guard(false, () => {
    present = waits.length === 2;
    return waits.length < 4;
  });
  await it.admit(signal);
  await it.watch(stop.signal);
  expect(removals).toBe(0);
  expect(log).toEqual([expect.stringMatching(/^kube-proxy works here too/), 'nothing is left of kube-proxy']);
});
