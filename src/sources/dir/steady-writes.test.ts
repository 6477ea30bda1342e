import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FactChange } from '../../model/facts.ts';
import { dirSource } from './dir-source.ts';
import { FolderReader } from './folder-reader.ts';

const service = (name: string, port: number) => `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {clusterIP: 172.30.0.1, ports: [{port: ${port}}]}
`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'knat-dir-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What the source told, and when, in milliseconds since the start. */
interface Told {
  readonly at: number;
  /** `web=80`; `web=` when it is gone. */
  readonly services: readonly string[];
}

/**
 * Runs the source for so many milliseconds of a clock that only sleeping moves. `write` is called for each millisecond and
 * gives the files that are written then.
 */
async function runFor(
  milliseconds: number,
  write: (at: number) => Readonly<Record<string, string>>,
): Promise<Told[]> {
  const begun = Date.now();
  const stop = new AbortController();
  const told: Told[] = [];
  let at = 0;
  const put = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(root, name), text);
      utimesSync(join(root, name), (begun + at) / 1000, (begun + at) / 1000);
    }
  };
  const sleep = async (time: number) => {
    await new Promise(setImmediate);
    for (const end = at + time; at < end; ) {
      at++;
      put(write(at));
    }
    if (at > milliseconds) stop.abort();
  };
  put(write(0));
  const clock = { now: () => begun + at, sleep };
  // What changed is found by looking, not by events, whose time is not that of this clock.
  await dirSource(root, { clock, pollMs: 10, restMs: 10, rootCheckMs: 10 }).run(
    {
      apply: (changes) => told.push({ at, services: changes.map(line) }),
      report: () => {},
      synced: () => {},
    },
    stop.signal,
  );
  return told;
}

function line({ key, fact }: FactChange): string {
  const port = fact !== null && 'clusterIPs' in fact ? fact.ports[0]?.port : '';
  return `${key.replace('shop/', '')}=${port}`;
}

test('300 rewrites of a file, 20 ms apart: each second it is told, and another file too', async () => {
  const look = vi.spyOn(FolderReader.prototype, 'look');
  const told = await runFor(8_000, (at) => ({
    ...(at % 20 === 0 && at <= 6_000 ? { 'a.yaml': service('web', 1000 + at / 20) } : {}),
    ...(at === 100 ? { 'b.yaml': service('other', 81) } : {}),
  }));
  const other = told.find(({ services }) => services.includes('other=81'))?.at ?? Number.NaN;
  expect(other).toBeLessThan(1_300);
  const times = told
    .filter(({ services }) => services.some((each) => each.startsWith('web=')))
    .map(({ at }) => at);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(1_300);
  expect(told.at(-1)?.services).toEqual(['web=1300']);
  expect(told.at(-1)?.at).toBeLessThan(6_200);
  // The whole folder is looked at twice in a second of steady writes; afterwards with each poll.
  expect(look.mock.calls.length).toBeLessThan(2 * 7 + 2_000 / 50);
  look.mockRestore();
});

test('a file that is written in pieces is not read before it is whole; others are', async () => {
  // Every piece is valid by itself.
  const file = (port: number, count: number) =>
    Array.from({ length: count }, (_, index) => service(`web-${index}`, port)).join('---\n');
  const told = await runFor(6_000, (at) => {
    if (at === 0) return { 'a.yaml': file(80, 50) };
    if (at < 100 || at > 4_000) return {};
    const other = at === 100 ? { 'b.yaml': service('other', 81) } : {};
    const count = Math.floor(((at - 100) / 3_900) * 50);
    return at % 3 === 0 || at === 4_000 ? { ...other, 'a.yaml': file(82, count) } : other;
  });
  const all = told.slice(1).flatMap(({ services }) => services);
  expect(told.slice(1).map(({ services }) => services.length)).toEqual([1, 50]);
  expect(all[0]).toBe('other=81');
  expect(new Set(all.slice(1).map((each) => each.replace(/.*=/, '')))).toEqual(new Set(['82']));
});

test('a young file that holds still takes nothing away before it is settled', async () => {
  const both = `${service('a', 80)}---\n${service('b', 80)}`;
  // Cut short again and again, with pauses of 20 ms, and whole at the end.
  const told = await runFor(4_000, (at) => {
    if (at === 0) return { 'a.yaml': both };
    if (at === 3_000) return { 'a.yaml': both.replaceAll('80', '81') };
    return at >= 100 && at < 3_000 && at % 20 === 0 ? { 'a.yaml': service('a', 80) } : {};
  });
  expect(told.flatMap(({ services }) => services)).not.toContain('b=');
  expect(told.at(-1)?.services).toEqual(['a=81', 'b=81']);
});

test('what a settled file lacks is gone', async () => {
  const told = await runFor(1_000, (at) => {
    if (at === 0) return { 'a.yaml': `${service('a', 80)}---\n${service('b', 80)}` };
    return at === 100 ? { 'a.yaml': service('a', 80) } : {};
  });
  expect(told.at(-1)?.services).toEqual(['b=']);
});
