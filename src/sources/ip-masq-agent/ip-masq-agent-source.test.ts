import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FactChange } from '../../model/facts.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { ipMasqAgentSource } from './ip-masq-agent-source.ts';

let folder: string;
let stop: AbortController;
let ended: Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the source on the file and gives what it said so far. */
function start(path: string) {
  const seen = { cidrs: '', changes: 0, synced: 0, problems: [] as string[] };
  ended = ipMasqAgentSource(path).run(
    {
      apply: (changes: readonly FactChange[]) => {
        for (const change of changes) {
          if (change.kind !== 'IpMasqAgent' || change.fact === null) continue;
          seen.cidrs = change.fact.nonMasqueradeCIDRs.map(formatPrefix).join();
          seen.changes++;
        }
      },
      report: (_, problems) => {
        seen.problems = problems.map(({ code }) => code);
      },
      synced: () => {
        seen.synced++;
      },
    },
    stop.signal,
  );
  return seen;
}

const soon = { timeout: 10_000, interval: 20 };
const RFC1918 = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16';

/** A version of the file, as the kubelet lays a ConfigMap out. */
function configMapVersion(version: string, text: string): void {
  mkdirSync(join(folder, version));
  writeFileSync(join(folder, version, 'config'), text);
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

test('a ConfigMap: the swap of its links is seen', async () => {
  configMapVersion('..v1', 'nonMasqueradeCIDRs: [10.1.0.0/16]');
  symlinkSync('..data/config', join(folder, 'config'));
  const seen = start(join(folder, 'config'));
  await vi.waitFor(() => expect(seen).toMatchObject({ cidrs: '10.1.0.0/16', synced: 1 }), soon);
  configMapVersion('..v2', 'nonMasqueradeCIDRs: [10.2.0.0/16]');
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.2.0.0/16'), soon);
  expect(seen).toMatchObject({ changes: 2, synced: 1, problems: [] });
});

test('a file that is not there means the private networks; it is picked up, and its end too', async () => {
  const path = join(folder, 'later', 'config');
  const seen = start(path);
  await vi.waitFor(() => expect(seen).toMatchObject({ cidrs: RFC1918, synced: 1 }), soon);
  mkdirSync(join(folder, 'later'));
  writeFileSync(path, 'nonMasqueradeCIDRs: []');
  await vi.waitFor(() => expect(seen).toMatchObject({ cidrs: '', changes: 2 }), soon);
  rmSync(path);
  await vi.waitFor(() => expect(seen.cidrs).toBe(RFC1918), soon);
});

test('a bad file is reported, the last good one stays in force, and a corrected one is read', async () => {
  const path = join(folder, 'config');
  writeFileSync(path, 'nonMasqueradeCIDRs: [10.1.0.0/16]');
  const seen = start(path);
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.1.0.0/16'), soon);
  writeFileSync(path, 'nonMasqueradeCIDRs: [10.1.0.1/16]');
  await vi.waitFor(
    () => expect(seen.problems).toEqual(['KNAT_IP_MASQ_AGENT_CONFIG', 'KNAT_LAST_GOOD']),
    soon,
  );
  expect(seen).toMatchObject({ cidrs: '10.1.0.0/16', changes: 1 });
  writeFileSync(path, 'nonMasqueradeCIDRs: [10.3.0.0/16]');
  await vi.waitFor(() => expect(seen).toMatchObject({ cidrs: '10.3.0.0/16', problems: [] }), soon);
});

test('a file that is bad from the start says nothing, and is in sync', async () => {
  const path = join(folder, 'config');
  writeFileSync(path, 'cidrLimit: x');
  const seen = start(path);
  await vi.waitFor(() => expect(seen.synced).toBe(1), soon);
  expect(seen).toMatchObject({ changes: 0, problems: ['KNAT_IP_MASQ_AGENT_CONFIG', 'KNAT_LAST_GOOD'] });
});

test('a file that is replaced by another of its name', async () => {
  const path = join(folder, 'config');
  writeFileSync(path, 'nonMasqueradeCIDRs: [10.1.0.0/16]');
  const seen = start(path);
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.1.0.0/16'), soon);
  writeFileSync(join(folder, 'new'), 'nonMasqueradeCIDRs: [10.2.0.0/16]');
  renameSync(join(folder, 'new'), path);
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.2.0.0/16'), soon);
});

test('any series of writes to the file ends in its last content', async () => {
  const path = join(folder, 'config');
  const file = (second: number) => `nonMasqueradeCIDRs: [10.${second}.0.0/16]`;
  writeFileSync(path, file(1));
  const seen = start(path);
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.1.0.0/16'), soon);
  const steps: [what: string, act: () => void, cidrs: string, problems: number][] = [
    // As vi does it: the old file is moved away, the new one written.
    [
      'moved away and written anew',
      () => {
        renameSync(path, join(folder, 'config~'));
        writeFileSync(path, file(2));
      },
      '10.2.0.0/16',
      0,
    ],
    ['emptied: the private networks', () => writeFileSync(path, ''), RFC1918, 0],
    ['written in place', () => writeFileSync(path, file(3)), '10.3.0.0/16', 0],
    ['cut off', () => writeFileSync(path, 'nonMasqueradeCIDRs: ['), '10.3.0.0/16', 2],
    ['replaced by a link', () => relink('one', file(4)), '10.4.0.0/16', 0],
    ['the link leads elsewhere', () => relink('two', file(5)), '10.5.0.0/16', 0],
    ['broken behind the link', () => relink('three', 'cidrLimit: x'), '10.5.0.0/16', 2],
    ['a link that leads nowhere: no file', () => rmSync(join(folder, 'three.yaml')), RFC1918, 0],
    [
      'a folder in its place',
      () => {
        rmSync(path);
        mkdirSync(path);
      },
      RFC1918,
      2,
    ],
    [
      'and a file again',
      () => {
        rmSync(path, { recursive: true });
        writeFileSync(path, file(6));
      },
      '10.6.0.0/16',
      0,
    ],
  ];
  function relink(name: string, text: string): void {
    writeFileSync(join(folder, `${name}.yaml`), text);
    symlinkSync(`${name}.yaml`, join(folder, 'new'));
    renameSync(join(folder, 'new'), path);
  }
  for (const [what, act, cidrs, problems] of steps) {
    act();
    await vi.waitFor(
      () => expect([what, seen.cidrs, seen.problems.length]).toEqual([what, cidrs, problems]),
      soon,
    );
  }
  expect(seen.synced).toBe(1);
});

test('a ConfigMap: broken by one swap it keeps what was good, mended by the next; removed it means the private networks', async () => {
  configMapVersion('..v1', 'nonMasqueradeCIDRs: [10.1.0.0/16]');
  symlinkSync('..data/config', join(folder, 'config'));
  const seen = start(join(folder, 'config'));
  await vi.waitFor(() => expect(seen.cidrs).toBe('10.1.0.0/16'), soon);
  configMapVersion('..v2', 'nonMasqueradeCIDRs: [10.1.0.1/16]');
  await vi.waitFor(() => expect(seen.problems).toHaveLength(2), soon);
  rmSync(join(folder, '..v1'), { recursive: true });
  expect(seen.cidrs).toBe('10.1.0.0/16');
  configMapVersion('..v3', 'nonMasqueradeCIDRs: [10.3.0.0/16]');
  await vi.waitFor(() => expect(seen).toMatchObject({ cidrs: '10.3.0.0/16', problems: [] }), soon);
  rmSync(join(folder, '..data'));
  await vi.waitFor(() => expect(seen.cidrs).toBe(RFC1918), soon);
});
