/** The settings of connection tracking in a real network namespace, which is not the first one of the machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import type { Status } from '../../src/forms/status.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import { noConntrackSettings } from '../generators/conntrack-settings.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

beforeAll(() => enterFreshNamespace());

const read = (name: string) => Number(readFileSync(`/proc/sys/net/netfilter/${name}`, 'utf8'));

async function runWith(conntrack: Partial<typeof noConntrackSettings>): Promise<Status> {
  const folder = mkdtempSync(join(tmpdir(), 'knat-conntrack-'));
  const plan = defaultPlanOptions;
  const settings = { nodeName: 'node-a', nodeConfig: {}, plan, source: dirSource(folder) };
  const logger = pino({ level: 'silent' });
  const run = { settings, logger, version: 'test', once: true };
  try {
    return await runAgent(
      { ...run, conntrack: { ...noConntrackSettings, ...conntrack } },
      new AbortController().signal,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('settings of this namespace are set; without options everything stays as it is', async () => {
  const { problems } = await runWith({
    tcpEstablishedTimeout: 86_401,
    tcpCloseWaitTimeout: 3_601,
    tcpBeLiberal: true,
    udpTimeout: 31,
    udpStreamTimeout: 121,
  });
  expect(problems).toEqual([]);
  const values = () =>
    [
      'tcp_timeout_established',
      'tcp_timeout_close_wait',
      'tcp_be_liberal',
      'udp_timeout',
      'udp_timeout_stream',
    ].map((name) => read(`nf_conntrack_${name}`));
  expect(values()).toEqual([86_401, 3_601, 1, 31, 121]);
  expect((await runWith({})).problems).toEqual([]);
  expect(values()).toEqual([86_401, 3_601, 1, 31, 121]);
});

test("the machine's maximum cannot be set from here: it is reported, and nothing fails", async () => {
  const before = read('nf_conntrack_max');
  const { problems, programmed } = await runWith({ maxPerCore: before * 2 });
  expect(programmed).not.toBeNull();
  expect(read('nf_conntrack_max')).toBe(before);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'KNAT_CONNTRACK_SETTINGS', severity: 'warning' });
  expect(problems[0]?.message).toMatch(/^nf_conntrack_max stays \d+ instead of \d+: it is the machine's/);
});
