/**
 * While somebody listens to nf_tables, the kernel makes a notification for every element of a transaction, 4 KiB each: at the
 * first, large programming that is a third of the whole time, and a GiB of the kernel's memory for 250,000 endpoints.
 */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { beforeAll, expect, test, vi } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Source, SourceSink } from '../../src/sources/source.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { NFNLGRP_NFTABLES } from '../../src/wire/nftables/numbers.ts';
import { present, service, servicePort, slice } from '../generators/build.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

const NETLINK_NETFILTER = 12;

beforeAll(enterFreshNamespace);

/** Sockets of this network namespace that listen to nf_tables. */
function listeners(): number {
  const [, ...lines] = readFileSync('/proc/thread-self/net/netlink', 'utf8').trim().split('\n');
  return lines.filter((line) => {
    const [, protocol, , groups = ''] = line.trim().split(/\s+/);
    const bit = 1 << (NFNLGRP_NFTABLES - 1);
    return Number(protocol) === NETLINK_NETFILTER && (Number.parseInt(groups, 16) & bit) !== 0;
  }).length;
}

test('nobody listens until the first plan is in the kernel, then the agent does', async () => {
  let sink: SourceSink | null = null;
  const source: Source = {
    name: 'test',
    run: async (given, signal) => {
      sink = given;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
  const listening: number[] = [];
  const { commit } = NftablesConnection.prototype;
  const committing = vi.spyOn(NftablesConnection.prototype, 'commit').mockImplementation(function (
    this: NftablesConnection,
    ...given
  ) {
    listening.push(listeners());
    commit.apply(this, given);
  });
  const stop = new AbortController();
  const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };
  const running = runAgent(
    { settings, logger: pino({ level: 'silent' }), version: 'test', once: false },
    stop.signal,
  );
  try {
    const given = await vi.waitFor(() => sink ?? Promise.reject(new Error('not yet')), 20_000);
    // Everything that begins beside the source has begun.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(listeners()).toBe(0);
    given.apply([
      present('Service', service({ ports: [servicePort(80)] })),
      present('EndpointSlice', slice(['10.244.1.7'])),
    ]);
    given.synced();
    await vi.waitFor(() => expect(listening.length).toBeGreaterThan(0), 20_000);
    expect(listening[0]).toBe(0);
    // For the tables, and for chains of other programs that translate ports.
    await vi.waitFor(() => expect(listeners()).toBeGreaterThanOrEqual(2), 20_000);
  } finally {
    committing.mockRestore();
    stop.abort();
    await running;
  }
}, 60_000);
