/*
 * A small world, so that objects collide: one address is an externalIP and a node's address, endpoints
 * are clients, Services share a node port.
 */
export const NODES = ['node-1', 'node-2'] as const;
export const ZONES = ['zone-a', 'zone-b'] as const;
export const PORT_NAMES = ['', 'web', 'dns'] as const;
export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
export const NUMBERS = [80, 443, 30080] as const;
export const NODE_PORTS = [30080, 30081, 31000] as const;
export const LOCAL = [
  '192.168.0.2',
  '192.168.1.2',
  '192.168.99.11',
  '10.0.0.1',
  '2001:db8::1',
  '2001:db8:1::2',
];
export const BACKENDS = {
  IPv4: ['10.0.0.5', '10.0.0.6', '10.180.0.1', '10.180.0.2', '192.168.0.2', '198.51.100.7'],
  IPv6: ['fd00:10::5', 'fd00:10::6', 'fd00:10:0:1::5', '2001:db8::1', '2001:db8:9::7'],
} as const;
export const CLUSTER_IPS = {
  IPv4: ['172.30.0.41', '172.30.0.42', '172.30.1.1', '172.31.0.9'],
  IPv6: ['fd00:10:96::41', 'fd00:10:96::42', 'fd00:10:96::101', 'fd00:11::9'],
} as const;
export const EXTERNAL = [
  '192.168.99.11',
  '192.168.0.2',
  '203.0.113.50',
  '172.30.0.42',
  '2001:db8::50',
  '2001:db8::1',
  '2001:0DB8:0:0::50',
];
export const VIPS = ['1.2.3.4', '5.6.7.8', '203.0.113.50', '192.168.1.2', '2001:db8:5::1', '2001:db8::50'];
export const CLIENTS = [
  ...BACKENDS.IPv4,
  ...BACKENDS.IPv6,
  ...LOCAL,
  ...VIPS,
  '203.0.113.2',
  '203.0.113.130',
  '127.0.0.1',
  '2600:5200::1',
  '::1',
];
export const DESTINATIONS = [
  ...CLUSTER_IPS.IPv4,
  ...CLUSTER_IPS.IPv6,
  ...EXTERNAL,
  ...VIPS,
  ...LOCAL,
  '172.30.9.9',
  'fd00:10:96::909',
  '127.0.0.1',
  '::1',
  '8.8.8.8',
];
export const RANGES = [
  '203.0.113.0/25',
  ' 203.0.113.0/25 ',
  '203.0.113.129/25',
  '10.0.0.0/8',
  '192.168.0.0/24',
  '0.0.0.0/0',
  '2600:5200::/32',
  '\tfd00:10::/64',
  '2001:db8::/64',
  '::/0',
];
