/**
 * Random Pod NAT annotations on Pods in every state: the text of the error, and `explain` for packets to and
 * from the Pod, equal those of an oracle made only from the specification (`podnat.ts`). Runs as in `kube-proxy.unit.test.ts`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AnnotatedPod, annotatedPod } from '../generators/cluster/annotations.ts';
import type { NodeConfig } from './oracle/manifests.ts';
import { type Binding, bindingsOf } from './oracle/podnat.ts';
import { asYaml, ManifestFolder } from './through-folder.ts';

const runs = Number(process.env.KNAT_ORACLE_RUNS ?? 150);

const PUBLIC = { IPv4: '203.0.113.7', IPv6: '2001:db8::7' } as const;
const POD = { IPv4: '10.0.0.5', IPv6: 'fd00:10::5' } as const;
const OUTSIDE = { IPv4: '8.8.8.8', IPv6: '2600::1' } as const;
const INSIDE = { IPv4: '192.168.44.4', IPv6: 'fd77::1' } as const;
const FAMILIES = ['IPv4', 'IPv6'] as const;
const PORTS = [25, 80, 443, 587, 8443, 65535, 30000, 22];
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

const node: NodeConfig = {
  nodeName: 'node-1',
  nodeIP: '192.168.0.2',
  localNodeIPs: ['192.168.0.2', ...Object.values(PUBLIC), '203.0.113.8'],
  podCIDRs: [],
  serviceCIDRs: [],
  nodePortAddresses: [],
  masqueradeAll: false,
  topologyLabels: {},
};

let folder: ManifestFolder;

beforeAll(() => {
  folder = new ManifestFolder();
});

afterAll(() => folder.dispose());

test('the annotation says what the specification reads in it', { timeout: runs * 100 + 60_000 }, async () => {
  const tally = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(annotatedPod, (pod) => agree(pod, tally)),
    { numRuns: runs },
  );
  for (const word of ['dnat', 'snat', 'error']) expect(tally.get(word), word).toBeGreaterThan(runs / 30);
});

async function agree(pod: AnnotatedPod, tally: Map<string, number>): Promise<void> {
  const flows = FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) => [
      ...PORTS.flatMap((destPort) =>
        [OUTSIDE[family], POD[family]].map((sourceIP) => ({
          sourceIP,
          protocol,
          destIP: PUBLIC[family],
          destPort,
        })),
      ),
      ...[OUTSIDE[family], INSIDE[family], PUBLIC[family]].map((destIP) => {
        return { sourceIP: POD[family], protocol, destIP, destPort: 4321 };
      }),
    ]),
  );
  const { answers, nat } = await folder.explain(
    new Map([['pod.yaml', asYaml([manifestOf(pod)])]]),
    node,
    flows,
  );
  const read = bindingsOf(pod.entries, pod.raw);
  expect(nat.get('ns1/p')?.error ?? null, pod.raw).toBe(typeof read === 'string' ? read : null);
  count(tally, typeof read === 'string' ? 'error' : 'none');
  const bindings = typeof read === 'string' ? [] : read;
  for (const [index, { sourceIP, protocol, destIP, destPort }] of flows.entries()) {
    const awaited = expected(pod, bindings, { sourceIP, protocol, destIP, destPort });
    const got = answers[index];
    count(tally, awaited.verdict);
    const said = { verdict: got?.verdict, endpoints: got?.endpoints, snat: got?.snat };
    if (JSON.stringify(said) === JSON.stringify(awaited)) continue;
    throw new Error(
      [
        asYaml([manifestOf(pod)]),
        `flow: ${protocol} ${sourceIP} → ${destIP} port ${destPort}`,
        `specification: ${JSON.stringify(awaited)}`,
        `explain:       ${JSON.stringify(said)} (${got?.because})`,
      ].join('\n'),
    );
  }
}

/** Of one Pod with several entries for one tuple the first binds it; what it starts leaves as the first entry says. */
function expected(
  { families, state }: AnnotatedPod,
  bindings: readonly Binding[],
  flow: { sourceIP: string; protocol: string; destIP: string; destPort: number },
) {
  const none = { verdict: 'none', endpoints: [] as string[], snat: null as string | null };
  const family = flow.sourceIP.includes(':') ? 'IPv6' : 'IPv4';
  const isThere = state === 'ready' || state === 'not ready';
  if (!isThere || (families !== 'both' && families !== family)) return none;
  const usable = bindings
    .filter(({ protocol }) => protocol === flow.protocol)
    .map((binding) => ({ ...binding, at: binding.sourceIP ?? PUBLIC[family] }))
    .filter(({ at }) => at.includes(':') === (family === 'IPv6') && node.localNodeIPs.includes(at));
  const isPods = flow.sourceIP === POD[family];
  const hit = usable.find(({ at, sourcePort }) => at === flow.destIP && sourcePort === flow.destPort);
  if (hit !== undefined && state === 'ready') {
    const endpoint = family === 'IPv4' ? `${POD.IPv4}:${hit.podPort}` : `[${POD.IPv6}]:${hit.podPort}`;
    return { verdict: 'dnat', endpoints: [endpoint], snat: isPods ? 'node' : null };
  }
  const [first] = usable;
  return isPods && flow.destIP === OUTSIDE[family] && first !== undefined
    ? { verdict: 'snat', endpoints: [], snat: first.at }
    : none;
}

function manifestOf({ raw, families, state }: AnnotatedPod): object {
  const ips = FAMILIES.filter((family) => families === 'both' || families === family).map(
    (family) => POD[family],
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      namespace: 'ns1',
      annotations: { 'bln.space/podnat': raw },
      ...(state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      nodeName: state === 'elsewhere' ? 'node-2' : 'node-1',
      ...(state === 'host network' ? { hostNetwork: true } : {}),
    },
    status: {
      phase: state === 'Succeeded' || state === 'Failed' ? state : 'Running',
      podIP: ips[0],
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: state === 'not ready' ? 'False' : 'True' }],
    },
  };
}

function count(tally: Map<string, number>, word: string): void {
  tally.set(word, (tally.get(word) ?? 0) + 1);
}
