/** Who reaches whom in the cluster, before any NAT: real connections between all pairs, in both families. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../net/family.ts';
import { Cluster, type ClusterHost } from './cluster.ts';
import { Lab } from './lab.ts';
import type { DialOutcome } from './probe-messages.ts';
import { removeStale } from './removal.ts';

const PROTOCOLS = ['TCP', 'UDP'] as const;

/** Long enough for a busy machine, short enough to wait for what never comes. */
const IN_VAIN_MS = 500;

let lab: Lab;
let cluster: Cluster;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  cluster = await Cluster.build(lab);
  await serveAll(cluster);
});

afterAll(() => lab.dispose());

describe.each(FAMILIES)('%s', (family) => {
  describe.each(PROTOCOLS)('%s', (protocol) => {
    const dialAll = async (from: ClusterHost, to: readonly ClusterHost[], timeoutMs?: number) => {
      const dial = (other: ClusterHost): Promise<DialOutcome> => {
        const limit = timeoutMs === undefined ? {} : { timeoutMs };
        return from.host.probe().dial({ to: other.addresses[family], port: 80, protocol, ...limit });
      };
      const outcomes = await Promise.all(to.map(dial));
      return Object.fromEntries(to.map(({ name }, index) => [name, outcomes[index]]));
    };

    test('every pod reaches every pod, as itself', async () => {
      for (const pod of cluster.pods) {
        const sawSource = expect.stringContaining(`${pod.addresses[family]}`);
        for (const [name, outcome] of Object.entries(await dialAll(pod, cluster.pods))) {
          expect(outcome).toMatchObject({ outcome: 'answered', by: name, sawSource });
        }
      }
    });

    test('every pod reaches every node, its own too', async () => {
      for (const pod of cluster.pods) {
        for (const [name, outcome] of Object.entries(await dialAll(pod, cluster.nodes))) {
          expect(outcome).toMatchObject({ outcome: 'answered', by: name });
        }
      }
    });

    test('nodes reach pods, nodes and the outside', async () => {
      for (const node of cluster.nodes) {
        const all = [...cluster.pods, ...cluster.nodes, ...cluster.outside];
        for (const [name, outcome] of Object.entries(await dialAll(node, all))) {
          expect(outcome).toMatchObject({ outcome: 'answered', by: name });
        }
      }
    });

    test('the outside reaches nodes and its like', async () => {
      for (const host of cluster.outside) {
        for (const [name, outcome] of Object.entries(
          await dialAll(host, [...cluster.nodes, ...cluster.outside]),
        )) {
          expect(outcome).toMatchObject({ outcome: 'answered', by: name });
        }
      }
    });

    test('the outside does not reach pods', async () => {
      const outcomes = await dialAll(cluster.host('outside'), cluster.pods, IN_VAIN_MS);
      for (const outcome of Object.values(outcomes)) expect(outcome).toEqual({ outcome: 'timeout' });
    });

    test('packets of pods reach the outside, but no answer comes back', async () => {
      const outcomes = await dialAll(cluster.host('pod1a'), cluster.outside, IN_VAIN_MS);
      for (const outcome of Object.values(outcomes)) expect(outcome).toEqual({ outcome: 'timeout' });
    });

    test('a service address leads nowhere', async () => {
      const to = family === 'IPv4' ? '10.96.0.10' : 'fd00:10:96::10';
      for (const name of ['pod1a', 'node1', 'outside']) {
        const probe = cluster.host(name).host.probe();
        expect(await probe.dial({ to, port: 80, protocol, timeoutMs: IN_VAIN_MS })).toEqual({
          outcome: 'timeout',
        });
      }
    });
  });
});

test('pods of one node talk through the node, unless they share a subnet', async () => {
  const wayFromPodToPod = async ({ pods }: Cluster): Promise<string> => {
    const [from, to] = pods;
    return (await from?.host.run(['ip', 'route', 'get', to?.addresses.IPv4 ?? ''])) ?? '';
  };
  expect(await wayFromPodToPod(cluster)).toContain('via 10.244.1.1 dev eth0');

  await inAnotherLab({ podsShareSubnet: true }, async (sharing) => {
    expect(await wayFromPodToPod(sharing)).not.toContain('via');
    const [from, to] = sharing.pods;
    for (const family of FAMILIES) {
      const outcome = from?.host.probe().dial({ to: to?.addresses[family] ?? '', port: 80, protocol: 'TCP' });
      expect(await outcome).toMatchObject({ outcome: 'answered', by: 'pod1b' });
    }
  });
});

test('where the router knows the pods, the outside reaches them', async () => {
  await inAnotherLab({ routesToPods: true, nodes: { only: ['pod1b'] } }, async (routed) => {
    const probe = routed.host('outside').host.probe();
    for (const family of FAMILIES) {
      const to = routed.host('pod1b').addresses[family];
      expect(await probe.dial({ to, port: 80, protocol: 'TCP' })).toMatchObject({ by: 'pod1b' });
    }
  });
});

async function serveAll({ nodes, pods, outside }: Cluster): Promise<void> {
  const all = [...nodes, ...pods, ...outside];
  await Promise.all(
    all.flatMap(({ host, name }) =>
      PROTOCOLS.map((protocol) => host.probe().serve({ port: 80, protocol, name })),
    ),
  );
}

async function inAnotherLab(
  options: Parameters<typeof Cluster.build>[1],
  look: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const another = new Lab('knat-test');
  try {
    const built = await Cluster.build(another, options);
    await built.host('pod1b').host.probe().serve({ port: 80, protocol: 'TCP', name: 'pod1b' });
    await look(built);
  } finally {
    another.dispose();
  }
}
