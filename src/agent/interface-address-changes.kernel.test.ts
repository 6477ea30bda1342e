import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ip, link, removeLinks } from '../../test/netns/links.ts';
import { enterFreshNamespace } from '../../test/netns/namespace.ts';
import type { Family } from '../net/family.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { publicAddress } from '../plan/own-address.ts';
import { KernelAddresses } from './interface-addresses.ts';
import { composeNodeFacts } from './node-facts.ts';

beforeAll(() => enterFreshNamespace());

afterEach(() => {
  for (const line of cleanups.splice(0)) ip(line);
  removeLinks();
});

/** What is to be undone beside links, which take their routes along. */
const cleanups: string[] = [];

const onBoth = [
  'addr add 203.0.113.1/24 dev e0',
  'addr add 198.51.100.1/24 dev e1',
  'addr add 2001:db8::1/64 dev e0 nodad',
  'addr add 2001:db8:1::1/64 dev e1 nodad',
];
const first = ['203.0.113.1', '2001:db8::1'];

/** The public addresses as they are now. */
function detected(): (string | null)[] {
  const addresses = new KernelAddresses();
  try {
    const node = composeNodeFacts('n1', undefined, {}, addresses.current());
    return (['IPv4', 'IPv6'] satisfies Family[]).map((family) =>
      publicAddress(family, node, defaultPlanOptions),
    );
  } finally {
    addresses.close();
  }
}

test('changes of addresses, links and routes are reported', async () => {
  link('e0', 'cable');
  const addresses = new KernelAddresses();
  let changes = 0;
  const stop = addresses.watch(() => changes++);
  try {
    for (const line of [
      'addr add 203.0.113.1/24 dev e0',
      'route add default via 203.0.113.254',
      'link set e0 down',
      'link set e0 up',
      'addr del 203.0.113.1/24 dev e0',
    ]) {
      const before = changes;
      ip(line);
      await vi.waitFor(() => expect(changes, line).toBeGreaterThan(before), 5_000);
    }
  } finally {
    stop();
    addresses.close();
  }
});

test('a later address replaces no other, and rules and nexthop objects are reported', async () => {
  link('e0', 'cable');
  link('e1', 'cable');
  for (const line of onBoth) ip(line);
  const addresses = new KernelAddresses();
  let now: (string | null)[] = [];
  const stop = addresses.watch(() => {
    now = detected();
  });
  cleanups.push('rule del pref 100');
  try {
    const steps: [line: string, expected: (string | null)[]][] = [
      ['addr add 203.0.113.0/32 dev e0', first],
      ['addr add 2001:db8::/64 dev e0 nodad', first],
      ['addr add 2001:db8::2/64 dev e0 nodad', first],
      ['addr change 2001:db8::1/64 dev e0 preferred_lft 0', ['203.0.113.1', '2001:db8::']],
      ['addr change 2001:db8::1/64 dev e0 preferred_lft forever', first],
      ['nexthop add id 7 via 198.51.100.254 dev e1', first],
      ['route add default nhid 7 table 77', first],
      ['rule add pref 100 lookup 77', ['198.51.100.1', '2001:db8::1']],
      ['nexthop replace id 7 via 203.0.113.254 dev e0', first],
    ];
    for (const [line, expected] of steps) {
      now = [];
      ip(line);
      await vi.waitFor(() => expect(now, line).toEqual(expected), 5_000);
    }
  } finally {
    stop();
    addresses.close();
  }
}, 60_000);

test('addresses that come and go while knat reads change the result, and back', async () => {
  link('e0', 'cable');
  link('e1', 'cable');
  const addresses = new KernelAddresses();
  let now: (string | null)[] = [];
  const look = () => {
    now = detected();
  };
  const stop = addresses.watch(look);
  try {
    const steps: [line: string, v4: string | null, v6: string | null][] = [
      ['addr add 203.0.113.1/24 dev e1', '203.0.113.1', null],
      ['addr add 2001:db8::1/64 dev e1 nodad', '203.0.113.1', '2001:db8::1'],
      ['addr add 198.51.100.1/24 dev e0', '198.51.100.1', '2001:db8::1'],
      ['route add default via 203.0.113.254 dev e1', '203.0.113.1', '2001:db8::1'],
      // With an interface go the routes by it, and its IPv6 addresses.
      ['link set e1 down', '198.51.100.1', null],
      ['link set e1 up', '198.51.100.1', null],
      ['route add default via 203.0.113.254 dev e1', '203.0.113.1', null],
      ['addr del 203.0.113.1/24 dev e1', '198.51.100.1', null],
      ['addr change 198.51.100.1/24 dev e0 preferred_lft 0', null, null],
      ['addr change 198.51.100.1/24 dev e0 preferred_lft forever', '198.51.100.1', null],
      ['link add b0 type bridge', '198.51.100.1', null],
      ['link del e0', null, null],
    ];
    for (const [line, ...expected] of steps) {
      ip(line);
      await vi.waitFor(() => expect(now, line).toEqual(expected), 5_000);
    }
    // What was held back becomes usable without anybody's doing.
    writeFileSync('/proc/sys/net/ipv6/conf/e1/dad_transmits', '1');
    ip('addr add 2001:db8::9/64 dev e1');
    expect(detected()).toEqual([null, null]);
    await vi.waitFor(() => expect(now).toEqual([null, '2001:db8::9']), 10_000);
  } finally {
    stop();
    addresses.close();
  }
}, 60_000);

test('a thousand routes that come at once are told a few times', async () => {
  const addresses = new KernelAddresses();
  let told = 0;
  let routes = 0;
  const stop = addresses.watch(() => {
    told++;
    routes = ip('route show table 777').split('\n').length - 1;
  });
  try {
    ip('link set lo up');
    const lines = Array.from({ length: 1000 }, (_, i) => `198.19.${i >> 8}.${i & 255}/32 dev lo table 777`);
    execFileSync('ip', ['-batch', '-'], { input: lines.map((line) => `route add ${line}`).join('\n') });
    await vi.waitFor(() => expect(routes).toBe(1000));
    const toldFirst = told;
    ip('route del 198.19.0.0/32 dev lo table 777');
    await vi.waitFor(() => expect(routes).toBe(999));
    expect(told).toBeGreaterThan(toldFirst);
    expect(told).toBeLessThan(50);
  } finally {
    stop();
    addresses.close();
    ip('route flush table 777');
  }
});
