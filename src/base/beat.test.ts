import { beforeEach, expect, test } from 'vitest';
import { Beats } from './beat.ts';

let now = 0;
let timers: { at: number; task: () => void }[] = [];
/** How often the process woke up. */
let wakeUps = 0;

const clock = {
  now: () => now,
  after: (milliseconds: number, task: () => void) => {
    // As Node.js does, whose timers count in 32 bits.
    if (milliseconds >= 2 ** 31) throw new RangeError('this timer would end at once');
    const timer = { at: now + milliseconds, task };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  },
};

beforeEach(() => {
  now = 0;
  timers = [];
  wakeUps = 0;
});

async function goOnUntil(end: number): Promise<void> {
  for (;;) {
    timers.sort((a, b) => a.at - b.at);
    const [next] = timers;
    if (next === undefined || next.at > end) break;
    timers.shift();
    now = next.at;
    wakeUps++;
    next.task();
    await Promise.resolve();
  }
  now = end;
}

/** Calls the task every so often, each time after a millisecond of work. */
function poll(beats: Beats, every: number, task: () => void): void {
  beats.after(every, () => {
    now += 1;
    task();
    poll(beats, every, task);
  });
}

test('pollers that began at different times share their wake-ups, and each keeps its pace', async () => {
  const beats = new Beats(clock);
  const counts = [0, 0, 0];
  for (const [index, every] of [2_000, 4_000, 10_000].entries()) {
    now += 137;
    poll(beats, every, () => {
      counts[index] = (counts[index] ?? 0) + 1;
    });
  }
  await goOnUntil(60_500);
  expect(counts).toEqual([29, 14, 5]);
  expect(wakeUps).toBe(29);
});

test('a wait ends at the first beat after its time, or shortly before it', async () => {
  const beats = new Beats(clock);
  const ends: number[] = [];
  const wait = (milliseconds: number) => beats.after(milliseconds, () => ends.push(now));
  now = 2_500;
  wait(1_000);
  wait(1_600);
  wait(2_500);
  wait(5_600);
  await goOnUntil(20_000);
  expect(ends).toEqual([4_000, 4_000, 6_000, 8_000]);
});

test('without waits there is no timer; a task that throws keeps no other from its turn', async () => {
  const beats = new Beats(clock);
  const forget = [beats.after(1_000, () => {}), beats.after(3_000, () => {})];
  expect(timers).toHaveLength(1);
  for (const each of forget) each();
  expect(timers).toHaveLength(0);
  const done: string[] = [];
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
  beats.after(1_000, () => {
    throw new Error('first');
  });
  beats.after(1_000, () => done.push('second'));
  await goOnUntil(2_000);
  expect(done).toEqual(['second']);
  expect(await thrown).toHaveProperty('message', 'first');
  expect(timers).toHaveLength(0);
});

test('a wait that another task of the same beat forgets does not end', async () => {
  const beats = new Beats(clock);
  const done: string[] = [];
  beats.after(1_000, () => forget());
  const forget = beats.after(1_000, () => done.push('forgotten'));
  beats.after(1_000, () => done.push('other'));
  await goOnUntil(2_000);
  await Promise.resolve();
  expect(done).toEqual(['other']);
});

test('a wait that is longer than a timer can be ends in its time', async () => {
  const beats = new Beats(clock);
  const month = 30 * 24 * 3_600_000;
  let endedAt = 0;
  beats.after(month, () => {
    endedAt = now;
  });
  await goOnUntil(2 * month);
  expect(endedAt).toBe(month);
  expect(wakeUps).toBe(2);
});
