/** The flat topology carries connections between any addresses through the node, and forgets them at the next setup. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { formatEndpoint, type IpAddress, parseAddress } from '../../src/net/address.ts';
import { FlatTopology } from './flat.ts';

interface Case {
  readonly table: 'ip' | 'ip6';
  readonly node: readonly [IpAddress, IpAddress];
  readonly pod: IpAddress;
  readonly other: IpAddress;
  readonly endpoint: IpAddress;
  readonly secondEndpoint: IpAddress;
  readonly service: IpAddress;
}

const CASES: Readonly<Record<'IPv4' | 'IPv6', Case>> = {
  IPv4: {
    table: 'ip',
    node: [at('192.168.0.2'), at('192.168.1.2')],
    pod: at('10.0.0.2'),
    other: at('1.2.3.4'),
    endpoint: at('10.0.0.0'),
    secondEndpoint: at('10.180.0.1'),
    service: at('172.30.0.41'),
  },
  IPv6: {
    table: 'ip6',
    node: [at('2001:db8::1'), at('2001:db8:1::2')],
    pod: at('fd00:10::2'),
    other: at('2600:5200::1'),
    endpoint: at('fd00:10:180::1'),
    secondEndpoint: at('fd00:10:180::2:1'),
    service: at('fd00:172:30::41'),
  },
};

let lab: Lab;
let flat: FlatTopology;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  flat = await FlatTopology.build(lab);
});

afterAll(() => lab.dispose());

beforeEach(async () => {
  await flat.node.run(['nft', 'flush ruleset']);
});

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const { table, node, pod, other, endpoint, secondEndpoint, service } = CASES[family];
  const setup = {
    nodeAddresses: node,
    endpoints: [endpoint, secondEndpoint],
    sources: [pod, other, node[0], endpoint],
  };
  const bracketed = (address: string) => (family === 'IPv6' ? `[${address}]` : address);

  beforeEach(async () => {
    await flat.backends.probe().silence();
    await flat.configure(setup);
    for (const address of setup.endpoints) {
      for (const protocol of ['TCP', 'UDP'] as const) {
        await flat.hostOf(address).probe().serve({ address, port: 80, protocol });
      }
    }
  });

  const dial = (from: IpAddress, to: IpAddress, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<DialOutcome> =>
    flat.hostOf(from).probe().dial({ from, to, port: 80, protocol, timeoutMs: 10_000 });
  /** For packets that are lost: nobody has to be waited for. */
  const dialInVain = (from: IpAddress, to: IpAddress): Promise<DialOutcome> =>
    flat.hostOf(from).probe().dial({ from, to, port: 80, protocol: 'TCP', timeoutMs: 500 });

  test.each(['TCP', 'UDP'] as const)(
    'every source reaches every endpoint as itself: %s',
    async (protocol) => {
      for (const from of setup.sources) {
        for (const to of setup.endpoints) {
          const sawSource = expect.stringMatching(new RegExp(`^\\[?${from}\\]?:\\d+$`));
          expect(await dial(from, to, protocol)).toMatchObject({ by: formatEndpoint(to, 80), sawSource });
        }
      }
    },
  );

  test('packets to a service address are lost without a service', async () => {
    expect(await dialInVain(pod, service)).toEqual({ outcome: 'timeout' });
  });

  test('every packet passes the node: to a service, to its own sender, to a neighbour', async () => {
    const to = `${bracketed(secondEndpoint)}:80`;
    await load(
      'nat hook prerouting',
      `meta l4proto tcp ${table} daddr { ${service}, ${other} } dnat to ${to}`,
    );
    await load('nat hook output', `meta l4proto tcp ${table} daddr ${service} dnat to ${to}`);
    const by = formatEndpoint(secondEndpoint, 80);
    for (const from of [pod, node[0], endpoint]) expect(await dial(from, service)).toMatchObject({ by });
    // The source is the very address that is dialled, and is translated in the node nevertheless.
    expect(await dial(other, other)).toMatchObject({ by });
  });

  test('an endpoint reaches itself through a service that masquerades', async () => {
    await load('nat hook prerouting', `meta l4proto tcp dnat to ${bracketed(endpoint)}:80`);
    await load('nat hook postrouting', 'masquerade');
    const sawSource = expect.stringContaining(node[0]);
    expect(await dial(endpoint, service)).toMatchObject({ by: formatEndpoint(endpoint, 80), sawSource });
  });

  test('the node masquerades with the first of its addresses, also after another setup', async () => {
    await load('nat hook postrouting', 'masquerade');
    expect(await dial(pod, endpoint)).toMatchObject({ sawSource: expect.stringContaining(node[0]) });
    await flat.configure({ ...setup, nodeAddresses: [node[1], node[0]] });
    expect(await dial(pod, endpoint)).toMatchObject({ sawSource: expect.stringContaining(node[1]) });
  });

  test('an address of the node is answered by the node', async () => {
    expect(await dial(pod, node[1])).toEqual({ outcome: 'refused', how: 'ECONNREFUSED' });
    await flat.node.probe().serve({ address: node[1], port: 80, protocol: 'TCP', name: 'node' });
    expect(await dial(pod, node[1])).toMatchObject({ by: 'node' });
    await flat.node.probe().silence();
  });

  test('the next setup leaves nothing of the one before', async () => {
    await flat.configure({ nodeAddresses: [], endpoints: [], sources: [pod] });
    for (const host of [flat.node, flat.clients, flat.backends]) {
      const addresses = await host.run(['ip', '-brief', 'address']);
      for (const address of [...node, other, endpoint, secondEndpoint])
        expect(addresses).not.toContain(`${address}/`);
      const flag = family === 'IPv4' ? '-4' : '-6';
      const routes = await host.run(['ip', flag, 'route', 'show', 'table', 'all']);
      for (const address of [other, endpoint]) expect(routes).not.toMatch(new RegExp(`^${address} `, 'm'));
    }
    expect(await dialInVain(pod, endpoint)).toEqual({ outcome: 'timeout' });
    await flat.configure(setup);
    expect(await dial(pod, endpoint)).toMatchObject({ outcome: 'answered' });
  });

  async function load(type: string, rule: string): Promise<void> {
    const name = type.replaceAll(' ', '-');
    const text = `table ${table} ${name} {\n chain c {\n type ${type} priority 0\n ${rule}\n }\n}\n`;
    await flat.node.run(['nft', '-f', '-'], text);
  }
});

test('the owner of an address that is in several lists', async () => {
  const [a, b, c] = [at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')];
  await flat.configure({ nodeAddresses: [a], endpoints: [a, b], sources: [a, b, c] });
  expect([a, b, c].map((address) => flat.hostOf(address).name)).toEqual(['node', 'backends', 'clients']);
});

function at(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(text);
  return address;
}
