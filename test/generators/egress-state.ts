import fc from 'fast-check';
import type { FactChange } from '../../src/model/facts.ts';
import type { PoolFact } from '../../src/model/pool.ts';
import type { IpAddress } from '../../src/net/address.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { cidr, ip, localAddress, nodeFacts, nodeObject, pod, pool, portOf, present } from './build.ts';
import { egressRule } from './facts.ts';

/** A node with only egress NAT: pools that overlap in every way, EgressRules, pods. */
export interface EgressState {
  readonly changes: readonly FactChange[];
  readonly packets: readonly EgressDial[];
}

/** A packet to send. */
export interface EgressDial {
  readonly source: IpAddress;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

/** The node's addresses; it masquerades with the first of each family. */
export const egressNode = nodeFacts({
  nodeIPs: [ip('192.0.2.10'), ip('2001:db8::10')],
  localAddresses: ['192.0.2.10', '203.0.113.7', '203.0.113.8', '2001:db8::10', '2001:db8::11'].map(
    (address) => localAddress(address),
  ),
  podCIDRs: [],
});

const SOURCES = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.1.3', '10.244.2.1', '10.9.9.9', '198.51.100.77'].map(ip),
  IPv6: ['fd00:244::1', 'fd00:244::2', 'fd00:244:0:1::1', '2001:db8:9::77'].map(ip),
} as const;
const DESTINATIONS = {
  IPv4: ['198.51.100.9', '198.51.100.10', '10.244.1.9', '10.7.7.7', '192.0.2.99', '255.1.1.1'].map(ip),
  IPv6: ['2001:db8:9::9', 'fd00:244::9', 'fd00:1::1', '2001:db8::99'].map(ip),
} as const;
export const EGRESS_PORTS = [24, 25, 80].map(portOf);

/** Nested, overlapping, adjacent, single addresses, everything. */
const CIDRS = [
  ...['0.0.0.0/0', '10.0.0.0/8', '10.244.0.0/16', '10.244.1.0/24', '10.244.1.0/31', '10.244.1.1/32'],
  ...['10.244.1.2/31', '10.244.2.0/24', '198.51.100.0/24', '198.51.100.9/32', '128.0.0.0/1', '10.9.9.9/32'],
  ...[
    '::/0',
    'fd00::/8',
    'fd00:244::/64',
    'fd00:244::1/128',
    '2001:db8::/32',
    '2001:db8:9::9/128',
    'fd00:244::/127',
  ],
].map(cidr);

const anyPool: fc.Arbitrary<PoolFact> = fc
  .record({
    name: fc.constantFrom('pool-1', 'pool-2', 'pool-3', 'pool-4', 'pool-5', 'pool-6'),
    prefix: fc.constantFrom(...CIDRS),
    natOutgoing: fc.constantFrom(true, true, false),
    disabled: fc.boolean(),
    loadBalancerOnly: fc.constantFrom(false, false, true),
  })
  .map(({ name, prefix, ...rest }) => ({ ...pool(name, '0.0.0.0/0', rest), cidr: prefix }));

const packet: fc.Arbitrary<EgressDial> = fc
  .constantFrom('IPv4' as const, 'IPv4' as const, 'IPv6' as const)
  .chain((family) =>
    fc.record({
      source: fc.constantFrom(...SOURCES[family]),
      address: fc.constantFrom(...DESTINATIONS[family]),
      protocol: fc.constantFrom<Protocol>('TCP', 'UDP'),
      port: fc.constantFrom(...EGRESS_PORTS),
    }),
  );

const pods = [
  { name: 'a', labels: { app: 'smtp' }, ips: ['10.244.1.1', 'fd00:244::1'] },
  { name: 'b', labels: {}, ips: ['10.244.1.2', 'fd00:244::2'] },
  { name: 'c', labels: { app: 'smtp' }, ips: ['10.9.9.9'] },
].map(({ name, labels, ips }) =>
  pod([], { namespace: 'mail', name, uid: name, labels, ips: ips.map(ip), nat: null }),
);

export const egressState: fc.Arbitrary<EgressState> = fc
  .record({
    pools: fc.array(anyPool, { maxLength: 6, size: 'max' }),
    rules: fc.array(egressRule, { maxLength: 4, size: 'max' }),
    pods: fc.subarray(pods),
    team: fc.boolean(),
    packets: fc.array(packet, { minLength: 8, maxLength: 16, size: 'max' }),
  })
  .map(({ pools, rules, pods: known, team, packets }) => ({
    changes: [
      ...pools.map((fact) => present('IPPool', fact)),
      ...rules.map((fact, index) => present('EgressRule', { ...fact, name: `rule-${index}` })),
      ...known.map((fact) => present('Pod', fact)),
      present('Namespace', { name: 'mail', labels: team ? { team: 'mail' } : {} }),
      present('Node', nodeObject('node-b', ['192.0.2.99', '2001:db8::99'])),
    ],
    packets: [...new Map(packets.map((one) => [JSON.stringify(one), one])).values()],
  }));

/** Every source and destination of the packets of a state. */
export const egressUniverse = {
  sources: Object.values(SOURCES).flat(),
  targets: Object.values(DESTINATIONS)
    .flat()
    .flatMap((address) =>
      (['TCP', 'UDP'] as const).flatMap((protocol) =>
        EGRESS_PORTS.map((port) => ({ address, protocol, port: Number(port) })),
      ),
    ),
};
