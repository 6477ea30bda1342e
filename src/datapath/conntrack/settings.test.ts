import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noConntrackSettings } from '../../../test/generators/conntrack-settings.ts';
import { conntrackSysctls, writeSysctls } from './settings.ts';

test('nothing is asked for: nothing is wanted', () => {
  expect(conntrackSysctls(noConntrackSettings, 8)).toEqual([]);
});

test.each([
  ['by the number of CPUs', 32_768, 131_072, 8, 262_144],
  ['at least the minimum', 32_768, 131_072, 2, 131_072],
  ['without maxPerCore the minimum does not count either', 0, 131_072, 8, null],
])('the maximum: %s', (_, maxPerCore, min, cpus, expected) => {
  const wanted = conntrackSysctls({ ...noConntrackSettings, maxPerCore, min }, cpus);
  expect(wanted).toEqual(
    expected === null
      ? []
      : [
          { name: 'nf_conntrack_max', value: expected, onlyRaise: true },
          { name: 'nf_conntrack_buckets', value: expected / 4, onlyRaise: true },
        ],
  );
});

test('each timeout has its parameter', () => {
  const wanted = conntrackSysctls(
    {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: 86_400,
      tcpCloseWaitTimeout: 3_600,
      tcpBeLiberal: true,
      udpTimeout: 31,
      udpStreamTimeout: 121,
    },
    1,
  );
  expect(wanted.map(({ name, value, onlyRaise }) => [name, value, onlyRaise])).toEqual([
    ['nf_conntrack_tcp_timeout_established', 86_400, false],
    ['nf_conntrack_tcp_timeout_close_wait', 3_600, false],
    ['nf_conntrack_tcp_be_liberal', 1, false],
    ['nf_conntrack_udp_timeout', 31, false],
    ['nf_conntrack_udp_timeout_stream', 121, false],
  ]);
});

test('different values are written, a maximum is never lowered, missing settings are reported', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knat-sysctl-'));
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
  for (const [name, value] of [
    ['max', 500],
    ['low', 100],
    ['same', 30],
    ['other', 60],
  ]) {
    writeFileSync(join(folder, String(name)), `${value}\n`);
  }
  chmodSync(join(folder, 'same'), 0o444);
  const { written, refused } = writeSysctls(
    [
      { name: 'max', value: 400, onlyRaise: true },
      { name: 'low', value: 400, onlyRaise: true },
      { name: 'same', value: 30, onlyRaise: false },
      { name: 'other', value: 30, onlyRaise: false },
      { name: 'missing', value: 1, onlyRaise: false },
    ],
    folder,
  );
  expect([read('max'), read('low'), read('other')]).toEqual(['500', '400', '30']);
  expect(written).toEqual(['low 100 → 400', 'other 60 → 30']);
  expect(refused).toEqual([expect.stringMatching(/^missing stays unknown instead of 1: this kernel/)]);
  rmSync(folder, { recursive: true });
});
