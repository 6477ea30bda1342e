import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { enterFreshNamespace } from '../../../test/netns/namespace.ts';
import { RouteConnection } from './connection.ts';
import { type RouteEvent, watchRoutes } from './monitor.ts';

enterFreshNamespace();

const ip = (...words: string[]) => execFileSync('ip', words.join(' ').split(' '), { encoding: 'utf8' });

const links = ['br0', 'v0', 'd0', 'vx0', 'tun0'];
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
  const there = ip('-br link')
    .split('\n')
    .map((line) => line.split(/[ @]/)[0] ?? '');
  for (const name of links) if (there.includes(name)) ip('link del', name);
});

/** Two interfaces at the ends of a wire, both up. */
function wire(near: string, far: string): void {
  ip(`link add ${near} type veth peer name ${far}`);
  for (const end of [near, far]) ip(`link set ${end} up`);
}

function connect(): RouteConnection {
  const connection = new RouteConnection();
  open.push(connection);
  return connection;
}

test('links have their kind, state and master', () => {
  ip('link add br0 type bridge');
  ip('link add v0 type veth peer name v1');
  ip('link set v0 master br0');
  ip('link set v0 up');
  wire('d0', 'd1');
  ip('link add vx0 type vxlan id 7 dstport 4789');
  ip('tuntap add dev tun0 mode tun');
  const found = connect().links();
  const named = (name: string) => found.find((link) => link.name === name);
  expect(named('lo')).toMatchObject({ loopback: true, up: true, kind: null, master: null });
  expect(named('br0')).toMatchObject({ kind: 'bridge', up: false, loopback: false });
  expect(named('v0')).toMatchObject({ kind: 'veth', up: true, master: named('br0')?.index });
  expect(named('d0')).toMatchObject({ kind: 'veth', up: true });
  expect(named('vx0')).toMatchObject({ kind: 'vxlan' });
  expect(named('tun0')).toMatchObject({ kind: 'tun' });
});

test('addresses have family, prefix length, scope and flags', () => {
  wire('d0', 'd1');
  ip('addr add 192.0.2.1/24 dev d0');
  ip('addr add 192.0.2.2/24 dev d0');
  ip('addr add 198.51.100.1 peer 198.51.100.2/32 dev d0');
  ip('addr add 2001:db8::1/64 dev d0 nodad preferred_lft 0');
  const connection = connect();
  const index = connection.links().find((link) => link.name === 'd0')?.index;
  const found = connection.addresses();
  const at = (address: string) => found.find((one) => one.address === address);
  expect(at('127.0.0.1')).toMatchObject({
    family: 'IPv4',
    prefixLength: 8,
    interfaceIndex: 1,
    scope: 'host',
  });
  expect(at('192.0.2.1')).toMatchObject({ prefixLength: 24, interfaceIndex: index, scope: 'global' });
  expect(at('192.0.2.1')?.flags).toEqual(new Set(['permanent']));
  expect(at('192.0.2.2')?.flags).toEqual(new Set(['permanent', 'secondary']));
  expect(at('198.51.100.1')).toMatchObject({ prefixLength: 32 });
  expect(at('198.51.100.2')).toBeUndefined();
  expect(at('2001:db8::1')).toMatchObject({ family: 'IPv6', prefixLength: 64 });
  expect(at('2001:db8::1')?.flags).toContain('deprecated');
  expect(found.find((one) => one.scope === 'link')?.address).toMatch(/^fe80::/);
});

test('routes have destination, ways, table and priority', () => {
  wire('d0', 'd1');
  ip('addr add 192.0.2.1/24 dev d0');
  ip('addr add 2001:db8::1/64 dev d0 nodad');
  ip('route add default via 192.0.2.254 metric 50');
  ip('route add 10.1.0.0/16 nexthop via 192.0.2.3 nexthop via 192.0.2.4');
  ip('route add blackhole 10.2.0.0/16 table 77');
  ip('-6 route add 2001:db8:1::/48 via 2001:db8::2 metric 9');
  ip('route add 10.3.0.0/16 via inet6 2001:db8::3 dev d0 src 192.0.2.1');
  const connection = connect();
  const index = connection.links().find((link) => link.name === 'd0')?.index;
  const found = connection.routes();
  const to = (address: string, length: number) =>
    found.find((route) => route.destination.address === address && route.destination.length === length);
  const one = (gateway: string) => [{ interfaceIndex: index, gateway }];
  expect(to('0.0.0.0', 0)).toMatchObject({ priority: 50, table: 254, nexthops: one('192.0.2.254') });
  expect(to('192.0.2.0', 24)).toMatchObject({ type: 'unicast', source: '192.0.2.1' });
  expect(to('192.0.2.0', 24)?.nexthops).toEqual([{ interfaceIndex: index, gateway: null }]);
  expect(to('10.1.0.0', 16)?.nexthops).toEqual([...one('192.0.2.3'), ...one('192.0.2.4')]);
  expect(to('10.2.0.0', 16)).toMatchObject({ type: 'blackhole', table: 77, nexthops: [] });
  expect(to('2001:db8:1::', 48)).toMatchObject({ family: 'IPv6', priority: 9, nexthops: one('2001:db8::2') });
  expect(to('10.3.0.0', 16)?.nexthops).toEqual(one('2001:db8::3'));
  expect(to('192.0.2.1', 32)).toMatchObject({ type: 'local', table: 255 });
});

test('changes are reported by what they concern', async () => {
  const events: RouteEvent[] = [];
  open.push({ close: watchRoutes((event) => events.push(event)) });
  const next = async (kind: RouteEvent) => {
    await vi.waitFor(() => expect(events).toContain(kind));
    await pause(5);
    events.length = 0;
  };
  ip('link add d0 type veth peer name d1');
  await next('link');
  ip('addr add 192.0.2.1/24 dev d0');
  await next('address');
  ip('link set d0 up');
  await next('link');
  ip('route add 10.0.0.0/8 via 192.0.2.2');
  await next('route');
});

test('only the kinds that were asked for are reported', async () => {
  const events: RouteEvent[] = [];
  open.push({ close: watchRoutes((event) => events.push(event), ['address']) });
  ip('link add d0 type veth peer name d1');
  ip('addr add 192.0.2.1/24 dev d0');
  await vi.waitFor(() => expect(events).not.toEqual([]));
  expect(new Set(events)).toEqual(new Set(['address']));
});
