import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileStore } from './file-store.ts';
import { formatLine, type LogLine } from './line.ts';
import { MemoryStore } from './memory-store.ts';
import type { AttributionStore } from './store.ts';
import { WhoScan } from './who.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();

/** `10 new a`: a line of the flow of pod a at second 10; `20 gap`, `25 whole`, `30 alive`. */
function line(text: string): LogLine {
  const [second = '', event = '', pod = ''] = text.split(' ');
  const t = at(Number(second));
  if (event === 'gap') return { t, e: 'gap', why: 'test' };
  if (event === 'whole' || event === 'alive') return { t, e: event };
  const flow = {
    p: 'TCP',
    a: '192.0.2.1:5000',
    d: '198.51.100.80:443',
    s: `10.244.1.${pod.charCodeAt(0)}:1`,
  };
  const other = pod === 'z' ? { a: '192.0.2.1:5001' } : {};
  return { t, e: event as 'new' | 'end' | 'seen', ...flow, ...other, n: pod };
}

/** Who was there at the second: `a`, with `?` when it is not certain; `gap` when the log has one. */
function who(lines: readonly string[], second: number): string {
  const scan = new WhoScan({ address: '192.0.2.1:5000', at: at(second), protocol: null });
  for (const text of lines) scan.add(formatLine(line(text)).trimEnd());
  const { flows, gap } = scan.answer();
  const names = flows.map(({ name, certain }) => `${name}${certain ? '' : '?'}`).sort();
  return [...names, ...(gap === null ? [] : [gap === 'test' ? 'gap' : 'before'])].join(' ');
}

test.each<[string, string[], number, string]>([
  ['while it is there', ['10 new a', '20 end a'], 15, 'a'],
  ['before it', ['5 new z', '10 new a', '20 end a'], 8, ''],
  ['after it', ['10 new a', '20 end a'], 21, ''],
  ['while it goes on', ['10 new a', '20 new z'], 30, 'a'],
  ['one after the other', ['10 new a', '20 end a', '21 new b', '30 end b'], 25, 'b'],
  ['before the log', ['10 new a'], 5, 'before'],
  ['older than the log: its end alone is known', ['5 new z', '20 end a'], 10, 'a'],
  ['older than the log: seen after a rotation', ['5 new z', '20 seen a'], 10, 'a'],
  ['in a gap, there before and not after', ['10 new a', '20 gap', '30 whole'], 25, 'a? gap'],
  ['in a gap, there before and after', ['10 new a', '20 gap', '29 seen a', '30 whole'], 25, 'a gap'],
  [
    'in a gap that began with the last sign of life',
    ['10 new a', '15 alive', '30 gap', '31 whole'],
    20,
    'a? gap',
  ],
  ['after a gap, not seen any more', ['10 new a', '20 gap', '30 whole'], 35, ''],
  ['before a gap', ['10 new a', '20 gap', '30 whole'], 10, 'a'],
  ['in a gap, there after alone', ['10 new z', '20 gap', '29 seen a', '30 whole'], 25, 'a? gap'],
  ['in a gap that has not ended', ['10 new a', '20 gap'], 25, 'a? gap'],
  ['seen after a gap, later', ['10 new z', '20 gap', '29 seen a', '30 whole'], 40, 'a'],
])('%s', (_, lines, second, expected) => {
  expect(who(lines, second)).toBe(expected);
});

test('lines that cannot be read are skipped', () => {
  const scan = new WhoScan({ address: '192.0.2.1:5000', at: at(15), protocol: 'TCP' });
  for (const text of ['', '{"t":"2026', '[]', 'null', '{"t":"x","e":"new"}', formatLine(line('10 new a'))]) {
    scan.add(text.trimEnd());
  }
  expect(scan.answer().flows).toHaveLength(1);
});

async function all(store: AttributionStore): Promise<string[]> {
  const lines: string[] = [];
  for await (const text of store.read()) lines.push(text);
  return lines;
}

test('a log in memory gives up the oldest, never more than is needed', async () => {
  const store = new MemoryStore(800);
  for (let i = 0; i < 100; i++) store.append(`line ${String(i).padStart(14, '0')}\n`); // 20 bytes each
  const lines = await all(store);
  expect(lines.length).toBeLessThanOrEqual(40);
  expect(lines.length).toBeGreaterThanOrEqual(30);
  expect(lines.at(-1)).toBe('line 00000000000099');
  expect(store.rotations).toBeGreaterThan(0);
});

test('a log in a file is continued, an incomplete line is removed, and the size is kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'knat-log-'));
  try {
    const path = join(folder, 'log');
    writeFileSync(path, 'whole\nhal');
    const store = await FileStore.open(path, 400);
    store.append('next\n');
    expect(await all(store)).toEqual(['whole', 'hal', 'next']);
    for (let i = 0; i < 100; i++) {
      store.append(`line ${String(i).padStart(14, '0')}\n`);
      if (i % 5 === 0) await all(store);
    }
    const lines = await all(store);
    expect(lines.at(-1)).toBe('line 00000000000099');
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(readFileSync(`${path}.1`).length).toBeLessThanOrEqual(200);
    expect(store.rotations).toBeGreaterThan(0);
    await store.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
