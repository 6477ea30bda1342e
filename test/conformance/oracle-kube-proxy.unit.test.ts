/**
 * Random clusters, written as manifests: `explain` answers what kube-proxy would do, computed by an oracle that
 * shares no code with it (`kube-proxy.ts`).
 *
 * `KNAT_ORACLE_RUNS` is the number of clusters.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterState, clusterState } from '../generators/cluster/cluster-state.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { write } from './manifest-files.ts';
import { kubeProxy } from './oracle/kube-proxy.ts';
import type { Answer, EndpointSlice, Flow, Service } from './oracle/manifests.ts';
import { failureOf, formatFailure } from './outcome.ts';
import { readRecords } from './records.ts';
import { ManifestFolder } from './through-folder.ts';

const runs = Number(process.env.KNAT_ORACLE_RUNS ?? 200);
const SHRINK_MS = 20_000;

let folder: ManifestFolder;

beforeAll(() => {
  folder = new ManifestFolder();
});

afterAll(() => folder.dispose());

describe('the oracle itself', () => {
  test.each(readRecords())('answers what kube-proxy answered: $id $test', (record) => {
    const { services, endpointSlices, config } = record;
    const node = { ...config, nodePortAddresses: config.nodePortAddresses ?? [] };
    const texts = record.flows.flatMap((flow) => {
      const answer = kubeProxy(services as Service[], endpointSlices as EndpointSlice[], node, flow);
      if (answer === undefined) return [`${flow.name}: no answer`];
      const failure = failureOf(record.id, flow, answer);
      return failure === null ? [] : [formatFailure(failure)];
    });
    expect(texts).toEqual([]);
  });
});

test(
  'explain answers what kube-proxy would do',
  async () => {
    const tally = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        clusterState,
        shrinkFor(SHRINK_MS, (state) => agree(state, tally)),
      ),
      {
        numRuns: runs,
      },
    );
    // The comparison covers enough: every verdict occurs often, and the oracle answers for most packets.
    for (const verdict of ['dnat', 'reject', 'drop', 'none'])
      expect(tally.get(verdict)).toBeGreaterThan(runs / 2);
    expect(tally.get('dnat, masq')).toBeGreaterThan(runs / 2);
  },
  runs * 100 + SHRINK_MS + 60_000,
);

async function agree(state: ClusterState, tally: Map<string, number>): Promise<void> {
  const { services, slices, node, flows } = state;
  const { files, nodeConfig } = write(state);
  const { answers } = await folder.explain(files, nodeConfig, flows);
  for (const [index, flow] of flows.entries()) {
    const awaited = kubeProxy(services, slices, node, flow);
    const got = answers[index];
    if (awaited === undefined || got === undefined) continue;
    for (const word of [awaited.verdict, ...(awaited.masq ? ['dnat, masq'] : [])]) {
      tally.set(word, (tally.get(word) ?? 0) + 1);
    }
    if (same(awaited, got)) continue;
    throw new Error(
      [
        ...[...files].map(([name, text]) => `# ${name}\n${text}`),
        `node configuration: ${JSON.stringify(nodeConfig)}`,
        `flow: ${formatFlow(flow)}`,
        `kube-proxy: ${formatAnswer(awaited)}`,
        `explain:    ${formatAnswer(got)} (${got.because})`,
      ].join('\n'),
    );
  }
}

function same(awaited: Answer, got: Answer): boolean {
  return formatAnswer(awaited) === formatAnswer(got);
}

function formatFlow({ sourceIP, protocol, destIP, destPort }: Flow): string {
  return `${protocol} ${sourceIP} → ${destIP} port ${destPort}`;
}

function formatAnswer({ verdict, endpoints, masq }: Answer): string {
  return verdict === 'dnat' ? `dnat${masq ? ', masq' : ''}: ${[...endpoints].sort().join(', ')}` : verdict;
}
