/**
 * Clients that keep their port while the dialled Service or binding changes, with real packets in both families: a
 * client without a connection that could break must reach the present endpoints. docs/adr/0004.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { ServiceFact } from '../../src/model/service.ts';
import { formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import { type Protocol, protocolNumber } from '../../src/net/protocol.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import type { ConntrackEntry } from '../../src/wire/conntrack/entry.ts';
import {
  absent,
  ip,
  natEntry,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { nft } from '../netns/namespace.ts';
import type { Stage } from '../netns/stage.ts';
import { ANSWER, address, buildStage, PodNatNode } from '../scenarios/pod-nat-scene.ts';

let stage: Stage;
let node: PodNatNode;
let conntrack: ConntrackConnection;

beforeAll(async () => {
  stage = await buildStage({ protocols: ['TCP', 'UDP', 'SCTP'], podPorts: [25] });
  conntrack = new ConntrackConnection();
});
afterAll(() => {
  conntrack?.close();
  stage?.dispose();
});
beforeEach(() => {
  forgetConnections();
  node = new PodNatNode(stage);
});
afterEach(() => node.end());

const places = {
  IPv4: {
    client: address.client,
    node: address.public,
    /** Where NodePorts answer. */
    nodeIP: address.second,
    podA: address.podA,
    podB: address.podB,
    /** No host has it. */
    dead: ip('10.244.1.99'),
    clusterIP: ip('10.96.0.10'),
    /** A host outside has it, and answers while it is no load balancer's. */
    loadBalancer: address.outside,
    /** No host has it. */
    silent: ip('198.51.100.81'),
  },
  IPv6: {
    client: address.client6,
    node: address.public6,
    nodeIP: address.public6,
    podA: address.podA6,
    podB: address.podB6,
    dead: ip('fd00:244::99'),
    clusterIP: ip('fd00:96::10'),
    loadBalancer: address.outside6,
    silent: ip('2001:db8:9::81'),
  },
} as const;

const NODE_PORT = 30_053;
const CLIENT_PORT = 32_100;
const by = (who: IpAddress) => formatEndpoint(who, 25);

/** `shop/web`: port 25 of every protocol, to port 25 of the endpoints. */
function web(rest: Partial<ServiceFact>): FactChange {
  const ports = (['TCP', 'UDP', 'SCTP'] as const).map((protocol) =>
    servicePort(25, { name: protocol, protocol, nodePort: portOf(NODE_PORT) }),
  );
  return present('Service', service({ ports, ...rest }));
}

function endpoints(...addresses: readonly IpAddress[]): FactChange {
  const ports = (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({
    ...{ name: protocol, protocol, port: portOf(25) },
  }));
  return present('EndpointSlice', slice(addresses, { ports }));
}

const noWeb = absent('Service', 'shop/web');
const binding = (to: IpAddress) =>
  present('Pod', pod([natEntry({ protocol: 'UDP' })], { name: 'bound', uid: 'bound', ips: [to] }));

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const place = places[family];
  const { podA, podB, dead, clusterIP, loadBalancer, silent } = place;
  const clusterIPs = [clusterIP];

  /** The same client, from the same port. */
  async function dial(
    to: IpAddress,
    protocol: Protocol = 'UDP',
    { port = 25, waitMs = ANSWER } = {},
  ): Promise<DialOutcome> {
    const from = { source: place.client, sourcePort: CLIENT_PORT };
    return await stage.dial({ ...from, address: to, port, protocol }, waitMs);
  }

  async function answerer(...question: Parameters<typeof dial>): Promise<string> {
    const outcome = await dial(...question);
    return outcome.outcome === 'answered' ? outcome.by : 'nobody';
  }

  /** Sends a datagram or an INIT that gets no answer. */
  const QUICKLY = { waitMs: 200 };

  const entriesTo = (dst: IpAddress, protocol: Protocol = 'UDP'): ConntrackEntry[] =>
    conntrack.entries({ family, protocol: protocolNumber[protocol], original: { dst } });

  describe('UDP with replies', () => {
    test('an endpoint that went', async () => {
      await node.apply(web({ clusterIPs }), endpoints(podA));
      expect(await answerer(clusterIP)).toBe(by(podA));
      await node.apply(endpoints(podB));
      expect(await answerer(clusterIP)).toBe(by(podB));
    });

    test('an endpoint that is still there keeps its client', async () => {
      await node.apply(web({ clusterIPs }), endpoints(podA));
      expect(await answerer(clusterIP)).toBe(by(podA));
      const [before] = entriesTo(clusterIP);
      await node.apply(endpoints(podA, podB));
      expect(entriesTo(clusterIP).map(({ id }) => id)).toEqual([before?.id]);
      expect(await answerer(clusterIP)).toBe(by(podA));
    });

    test('a frontend that appears where another host answered, and is removed again', async () => {
      expect(await answerer(loadBalancer)).toBe(by(loadBalancer));
      await node.apply(web({ clusterIPs, loadBalancerIPs: [loadBalancer] }), endpoints(podA));
      expect(await answerer(loadBalancer)).toBe(by(podA));
      await node.apply(noWeb);
      expect(await answerer(loadBalancer)).toBe(by(loadBalancer));
    });

    test('a binding that moved', async () => {
      await node.apply(binding(podA));
      expect(await answerer(place.node)).toBe(by(podA));
      await node.apply(binding(podB));
      expect(await answerer(place.node)).toBe(by(podB));
      await node.apply(absent('Pod', 'mail/bound'));
      expect(await answerer(place.node, 'UDP', QUICKLY)).toBe('nobody');
    });
  });

  describe('flows without a reply', () => {
    test.each(['UDP', 'SCTP'] as const)('%s to an endpoint that is replaced', async (protocol) => {
      await node.apply(web({ clusterIPs }), endpoints(dead));
      expect(await answerer(clusterIP, protocol, QUICKLY)).toBe('nobody');
      expect(entriesTo(clusterIP, protocol)).toHaveLength(1);
      await node.apply(endpoints(podA));
      expect(await answerer(clusterIP, protocol)).toBe(by(podA));
    });

    test('TCP to an endpoint that is replaced: the repeated SYN gets through', async () => {
      await node.apply(web({ clusterIPs }), endpoints(dead));
      const dialling = dial(clusterIP, 'TCP', { waitMs: 20_000 });
      await expect.poll(() => entriesTo(clusterIP, 'TCP').length, { timeout: 5000 }).toBe(1);
      await node.apply(endpoints(podB));
      expect(await dialling).toMatchObject({ outcome: 'answered', by: by(podB) });
    });

    test.each(['UDP', 'SCTP'] as const)('%s to a Service that appears', async (protocol) => {
      await node.apply();
      expect(await answerer(silent, protocol, QUICKLY)).toBe('nobody');
      expect(entriesTo(silent, protocol)).toHaveLength(1);
      await node.apply(web({ clusterIPs, externalIPs: [silent] }), endpoints(podA));
      expect(await answerer(silent, protocol)).toBe(by(podA));
    });

    test('TCP to a Service that appears: the repeated SYN gets through', async () => {
      await node.apply();
      const dialling = dial(silent, 'TCP', { waitMs: 20_000 });
      await expect.poll(() => entriesTo(silent, 'TCP').length, { timeout: 5000 }).toBe(1);
      await node.apply(web({ clusterIPs, externalIPs: [silent] }), endpoints(podA));
      expect(await dialling).toMatchObject({ outcome: 'answered', by: by(podA) });
    });

    test.each(['TCP', 'UDP', 'SCTP'] as const)('%s that was refused is served', async (protocol) => {
      await node.apply(web({ clusterIPs }), endpoints());
      expect(await dial(clusterIP, protocol)).toMatchObject({ outcome: 'refused' });
      await node.apply(endpoints(podA));
      expect(await answerer(clusterIP, protocol)).toBe(by(podA));
    });

    test('TCP with a reply stays, whatever happens to its endpoint', async () => {
      await node.apply(web({ clusterIPs }), endpoints(podA));
      expect(await answerer(clusterIP, 'TCP')).toBe(by(podA));
      const [before] = entriesTo(clusterIP, 'TCP');
      await node.apply(endpoints(podB));
      expect(entriesTo(clusterIP, 'TCP').map(({ id }) => id)).toEqual([before?.id]);
    });
  });

  describe('changes while no agent ran', () => {
    const whole = [web({ clusterIPs, externalIPs: [silent] }), endpoints(podA), binding(podA)];
    const boundOnly = [binding(podA)];
    const port = (number: number) => ({ port: number });
    const ends = {
      'an endpoint': [clusterIP, 25, [web({ clusterIPs, externalIPs: [silent] }), endpoints(podB)], by(podB)],
      'a Service': [clusterIP, 25, boundOnly, 'nobody'],
      'a NodePort': [place.nodeIP, NODE_PORT, boundOnly, 'nobody'],
      'an external address': [silent, 25, [web({ clusterIPs }), endpoints(podA)], 'nobody'],
      'a binding': [place.node, 25, whole.slice(0, 2), 'nobody'],
      'the pod of a binding': [place.node, 25, [...whole.slice(0, 2), binding(podB)], by(podB)],
    } as const satisfies Record<string, readonly [IpAddress, number, readonly FactChange[], string]>;

    /** Changes to our tables before the next agent starts. */
    const meanwhile: Readonly<Record<string, () => void>> = {
      'nothing else happened': () => {},
      'another program edited our table': () => nft('add chain ip knat theirs; add chain ip6 knat theirs'),
    };

    describe.each(Object.keys(meanwhile))('%s', (what) => {
      test.each(Object.entries(ends))('%s', async (_, [to, number, objects, expected]) => {
        await node.apply(...whole);
        expect(await answerer(to, 'UDP', port(number))).toBe(by(podA));
        meanwhile[what]?.();
        await node.restart(...objects);
        const wait = expected === 'nobody' ? QUICKLY : {};
        expect(await answerer(to, 'UDP', { ...port(number), ...wait })).toBe(expected);
      });
    });

    // What an external address or a binding was, no element and no address tells then.
    test.each(Object.entries(ends).filter(([name]) => !/external|a binding/.test(name)))(
      'our tables were taken away: %s',
      async (_, [to, number, objects, expected]) => {
        await node.apply(...whole);
        expect(await answerer(to, 'UDP', port(number))).toBe(by(podA));
        nft('delete table ip knat; delete table ip6 knat');
        await node.restart(...objects);
        const wait = expected === 'nobody' ? QUICKLY : {};
        expect(await answerer(to, 'UDP', { ...port(number), ...wait })).toBe(expected);
      },
    );

    test('something cannot be read: its flows end when it can be, and it is gone', async () => {
      await node.apply(...whole);
      const question = [place.nodeIP, 'UDP', port(NODE_PORT)] as const;
      expect(await answerer(...question)).toBe(by(podA));
      node.forget(...boundOnly);
      await node.converge({ unread: { kinds: [], anything: true, sliceNamespaces: [] } });
      const [kept] = entriesTo(place.nodeIP);
      expect(await answerer(...question)).toBe(by(podA));
      expect(entriesTo(place.nodeIP).map(({ id }) => id)).toEqual([kept?.id]);
      await node.converge();
      expect(await answerer(place.nodeIP, 'UDP', { ...port(NODE_PORT), ...QUICKLY })).toBe('nobody');
    });

    test('flows that another program translates stay', async () => {
      const ipName = family === 'IPv4' ? 'ip' : 'ip6';
      const target = formatEndpoint(podB, 25);
      nft(`table ${ipName} theirs {
        chain prerouting { type nat hook prerouting priority -90; ${ipName} daddr ${place.node} udp dport 5353 dnat to ${target}; }
      }`);
      try {
        await node.apply(...whole);
        expect(await answerer(place.node, 'UDP', port(5353))).toBe(by(podB));
        const [before] = entriesTo(place.node);
        await node.restart(...boundOnly);
        nft('delete table ip knat; delete table ip6 knat');
        await node.restart();
        expect(entriesTo(place.node).map(({ id }) => id)).toEqual([before?.id]);
      } finally {
        nft(`delete table ${ipName} theirs`);
      }
    });
  });
});
