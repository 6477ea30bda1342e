/**
 * A program of the host, a bound pod that speaks from the program's port, and a peer outside: the peer's packets reach the
 * program. With the real agent and real sockets. It needs the build in dist/.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess } from '../../src/demo/agent-process.ts';
import { Cluster } from '../../src/lab/cluster.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';

const FAMILIES = ['IPv4', 'IPv6'] as const;
const PROTOCOLS = ['UDP', 'TCP'] as const;
/** Of the host's program: WireGuard's. Of the peer, each test with its own: that of a SIP phone and the next ones. */
const PROGRAM_PORT = 51_820;
const PEER_PORT = 4002;
const BOUND = { srcPort: 5062, dstPort: 5060 };

let lab: Lab;
let cluster: Cluster;
let agent: AgentProcess;
let folder: string;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  folder = mkdtempSync(join(tmpdir(), 'knat-host-port-'));
  cluster = await Cluster.build(lab, { nodes: { node1: ['other', 'bound'] }, outside: ['outside'] });
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests);
  writeFileSync(join(manifests, 'all.json'), JSON.stringify(objects()));
  const { host } = cluster.node('node1');
  await Promise.all(
    PROTOCOLS.map((protocol) => host.probe().serve({ protocol, port: PROGRAM_PORT, name: 'program' })),
  );
  agent = new AgentProcess(host, manifests, join(folder, 'agent.log'));
  await agent.ready();
});

afterAll(() => {
  agent?.kill();
  lab?.dispose();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** The pod is bound in both families and protocols; pods are masqueraded. */
function objects() {
  const { addresses } = cluster.node('node1');
  const entries = FAMILIES.flatMap((family) =>
    PROTOCOLS.map((protocol) => ({
      ...BOUND,
      ifaceAuto: false,
      srcIP: addresses[family],
      proto: protocol.toLowerCase(),
    })),
  );
  const pods = cluster.host('bound').addresses;
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node1' },
      spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] },
      status: { addresses: FAMILIES.map((family) => ({ type: 'InternalIP', address: addresses[family] })) },
    },
    ...['10.244.0.0/16', 'fd00:10:244::/48'].map((cidr, index) => ({
      apiVersion: 'knat.dev/v1',
      kind: 'IPPool',
      metadata: { name: `pods-${index}` },
      spec: { cidr, natOutgoing: true },
    })),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'bound',
        namespace: 'd',
        uid: 'bound',
        annotations: { 'bln.space/podnat': JSON.stringify({ entries }) },
      },
      spec: { nodeName: 'node1', containers: [{ name: 'c', image: 'registry.example/c:1' }] },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        podIPs: FAMILIES.map((family) => ({ ip: pods[family] })),
      },
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

describe.each(FAMILIES)('%s', (family) => {
  describe.each(PROTOCOLS)('%s', (protocol) => {
    test.each(['bound', 'other'])(
      "after pod %s spoke from the program's port, the peer reaches the program",
      async (name) => {
        const port = PEER_PORT + (name === 'other' ? 2 : 0);
        const node = cluster.node('node1').addresses[family];
        const peer = cluster.host('outside');
        const pod = cluster.host(name);
        // Nobody answers, so that the peer can speak from this port afterwards.
        const spoken = { from: pod.addresses[family], sourcePort: PROGRAM_PORT, to: peer.addresses[family] };
        await pod.host.probe().dial({ ...spoken, port, protocol, timeoutMs: 300 });
        const asked = { from: peer.addresses[family], sourcePort: port, to: node };
        const answer = await peer.host.probe().dial({ ...asked, port: PROGRAM_PORT, protocol });
        expect(answer).toMatchObject({ outcome: 'answered', by: 'program' });
      },
    );

    test('the pod is seen with the port of its binding, and from others never with that of the program', async () => {
      const port = PEER_PORT + 1;
      const node = cluster.node('node1').addresses[family];
      const peer = cluster.host('outside');
      const pod = cluster.host('bound');
      await peer.host.probe().serve({ address: peer.addresses[family], protocol, port, name: 'peer' });
      const dial = { from: pod.addresses[family], to: peer.addresses[family], port, protocol };
      const seen = async (sourcePort: number) => {
        const answer = await pod.host.probe().dial({ ...dial, sourcePort });
        return answer.outcome === 'answered' ? answer.sawSource : answer.outcome;
      };
      const at = (number: number) => (family === 'IPv6' ? `[${node}]:${number}` : `${node}:${number}`);
      expect(await seen(BOUND.dstPort)).toBe(at(BOUND.srcPort));
      const other = await seen(PROGRAM_PORT);
      expect(other).not.toBe(at(PROGRAM_PORT));
      expect(other).toMatch(at(0).slice(0, -1));
    });
  });
});
