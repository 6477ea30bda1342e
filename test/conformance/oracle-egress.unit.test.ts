/**
 * Random pools and Services, written as manifests: `explain` answers what natOutgoing and kube-proxy together
 * would do, computed by an oracle that shares no code with it (`egress.ts`). `KNAT_ORACLE_RUNS` as in
 * `kube-proxy.unit.test.ts`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterState } from '../generators/cluster/cluster-state.ts';
import { egressObjects, otherHosts } from '../generators/cluster/pools.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { write } from './manifest-files.ts';
import { type EgressAnswer, type EgressObjects, isValid, natOutgoing, podRangesOf } from './oracle/egress.ts';
import { ManifestFolder } from './through-folder.ts';

const runs = Number(process.env.KNAT_ORACLE_RUNS ?? 100);
const SHRINK_MS = 20_000;

const state = fc.record({ cluster: clusterState, objects: egressObjects, otherHosts });

type State = typeof state extends fc.Arbitrary<infer Value> ? Value : never;

let folder: ManifestFolder;

beforeAll(() => {
  folder = new ManifestFolder();
});

afterAll(() => folder.dispose());

test(
  'explain answers what natOutgoing would do',
  async () => {
    const tally = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        state,
        shrinkFor(SHRINK_MS, (drawn) => agree(drawn, tally)),
      ),
      {
        numRuns: runs,
      },
    );
    for (const word of ['snat as node', 'snat as an address', 'none']) {
      expect(tally.get(word), word).toBeGreaterThan(runs / 25);
    }
  },
  runs * 100 + SHRINK_MS + 60_000,
);

async function agree(
  { cluster, objects, otherHosts: others }: State,
  tally: Map<string, number>,
): Promise<void> {
  const { services, slices, writing, flows: drawn } = cluster;
  const { pools, felix } = objects;
  // Pod CIDRs that the configuration names are all that count; beside those of the Node object the pools do.
  const node = writing.nodeObject
    ? { ...cluster.node, podCIDRs: [...cluster.node.podCIDRs, ...podRangesOf(pools)] }
    : cluster.node;
  const hosts: EgressObjects['hosts'] = [...others, ...(writing.nodeObject ? [node.nodeIP].flat() : [])];
  const nodes = others.map((address, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `other-${index}` },
    status: { addresses: [{ type: index % 2 === 0 ? 'InternalIP' : 'ExternalIP', address }] },
  }));
  const { files, nodeConfig } = write(cluster, [...pools, ...felix, ...nodes]);
  const flows = drawn.flatMap((flow, index) => [flow, straight(flow, index)]);
  const { answers, problems } = await folder.explain(files, nodeConfig, flows);
  const faulty = new Set(
    problems.map(({ object }) => (object === null ? '' : `${object.kind} ${object.name}`)),
  );
  for (const pool of pools) {
    if (!isValid(pool)) expect(faulty, JSON.stringify(pool)).toContain(`IPPool ${pool.metadata.name}`);
  }
  for (const [index, flow] of flows.entries()) {
    const awaited = natOutgoing(services, slices, node, { pools, felix, hosts }, flow);
    const got = answers[index];
    if (awaited === undefined || got === undefined) continue;
    const word =
      awaited.verdict === 'snat'
        ? `snat as ${awaited.snat === 'node' ? 'node' : 'an address'}`
        : awaited.verdict;
    tally.set(word, (tally.get(word) ?? 0) + 1);
    if (formatAnswer(awaited) === formatAnswer(got)) continue;
    throw new Error(
      [
        ...[...files].map(([name, text]) => `# ${name}\n${text}`),
        `node configuration: ${JSON.stringify(nodeConfig)}`,
        `flow: ${JSON.stringify(flow)}`,
        `natOutgoing: ${formatAnswer(awaited)}`,
        `explain:     ${formatAnswer(got)} (${got.because})`,
      ].join('\n'),
    );
  }
}

const ELSEWHERE = {
  IPv4: [
    '198.51.100.7',
    '10.180.0.9',
    '203.0.113.130',
    '192.168.7.7',
    '203.0.113.2',
    '8.8.8.8',
    '192.168.1.2',
  ],
  IPv6: ['2600:5200::1', 'fd00:10:0:1::5', '2001:db8:9::7', '2a00::1', '2001:db8::1'],
};

/** The same client with a destination that is no Service. */
function straight<Flow extends { readonly sourceIP: string }>(flow: Flow, index: number) {
  const family = flow.sourceIP.includes(':') ? 'IPv6' : 'IPv4';
  const destIP = ELSEWHERE[family][index % ELSEWHERE[family].length] ?? '8.8.8.8';
  return { sourceIP: flow.sourceIP, protocol: 'TCP', destIP, destPort: 4444 };
}

function formatAnswer({ verdict, endpoints, masq, snat }: EgressAnswer): string {
  return `${verdict}${masq ? ', masq' : ''} as ${snat}: ${[...endpoints].sort().join(', ')}`;
}
