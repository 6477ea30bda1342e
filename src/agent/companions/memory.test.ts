import { expect, test } from 'vitest';
import type { Report } from '../../datapath/datapath.ts';
import { Memory } from './memory.ts';

const large = { elementsAdded: 6_000, elementsDeleted: 4_000 } as Report;
const small = { elementsAdded: 1, elementsDeleted: 1 } as Report;

/** `during` runs in each pause; ends after so many pauses. */
async function given(
  converges: readonly Report[],
  during: (memory: Memory, pause: number) => void,
  most = 100,
) {
  const stop = new AbortController();
  let pauses = 0;
  const backAfter: number[] = [];
  const sleep = async () => {
    pauses++;
    if (pauses > most) stop.abort();
    during(memory, pauses);
  };
  const memory: Memory = new Memory({ sleep }, async () => {
    backAfter.push(pauses);
    if (converges.length === 0) stop.abort();
    const next = converges[backAfter.length];
    if (next === undefined) stop.abort();
    else memory.converged({ report: next });
  });
  const [first] = converges;
  if (first !== undefined) memory.converged({ report: first });
  await memory.run(stop.signal);
  return backAfter;
}

test('memory is given back after the first converge, and after each large one', async () => {
  expect(await given([small, large, large], () => {})).toEqual([1, 2, 3]);
});

test('a small converge gives nothing back', async () => {
  const stop = new AbortController();
  let times = 0;
  const memory = new Memory({ sleep: async () => {} }, async () => {
    times++;
    memory.converged({ report: small });
    setImmediate(() => stop.abort());
  });
  memory.converged({ report: large });
  await memory.run(stop.signal);
  expect(times).toBe(1);
});

test('while changes go on it waits for a pause, but not for ever', async () => {
  const threeTimes = (memory: Memory, pause: number) => {
    if (pause === 1) memory.delivered();
    if (pause === 2) memory.converged({ report: small });
  };
  expect(await given([large], threeTimes)).toEqual([3]);
  expect(await given([large], (memory) => memory.delivered())).toEqual([60]);
});

test('an agent that ends does not give back', async () => {
  expect(await given([large], (memory) => memory.delivered(), 4)).toEqual([]);
});
