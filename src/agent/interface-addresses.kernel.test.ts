import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodeObject } from '../../test/generators/build.ts';
import { ip, link, removeLinks } from '../../test/netns/links.ts';
import { enterFreshNamespace } from '../../test/netns/namespace.ts';
import type { Family } from '../net/family.ts';
import { type Prefix, parsePrefix } from '../net/prefix.ts';
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

interface Detection {
  readonly allowed?: string[];
  readonly filtered?: string[];
  /** InternalIPs of the Node object. */
  readonly node?: string[];
}

function detected(options: Detection = {}): (string | null)[] {
  const addresses = new KernelAddresses();
  try {
    const object = options.node === undefined ? undefined : nodeObject('n1', options.node);
    const node = composeNodeFacts('n1', object, {}, addresses.current());
    const rest = {
      publicAddressFilter: [...defaultPlanOptions.publicAddressFilter, ...prefixes(options.filtered)],
      publicAddressAllowed: prefixes(options.allowed),
    };
    return (['IPv4', 'IPv6'] satisfies Family[]).map((family) => publicAddress(family, node, rest));
  } finally {
    addresses.close();
  }
}

function prefixes(texts: readonly string[] = []): Prefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if (typeof prefix === 'string') throw new TypeError(text);
    return prefix;
  });
}

interface Host {
  /** Name → kind, in the order in which they are made. */
  readonly links: Readonly<Record<string, string>>;
  /** What `ip` is told then. */
  readonly lines: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  /** What `ip addr` has to show, so that the case is the one that it claims to be. */
  readonly shown?: RegExp;
  readonly options?: Detection;
  /** How to undo what stays when the links go. */
  readonly undo?: readonly string[];
}

const two = { e0: 'cable', e1: 'cable' };
const onBoth = [
  'addr add 203.0.113.1/24 dev e0',
  'addr add 198.51.100.1/24 dev e1',
  'addr add 2001:db8::1/64 dev e0 nodad',
  'addr add 2001:db8:1::1/64 dev e1 nodad',
];
const defaults = (name: string, metric = 100) => [
  `route add default via ${name === 'e0' ? '203.0.113' : '198.51.100'}.254 dev ${name} metric ${metric}`,
  `-6 route add default via 2001:db8:${name === 'e0' ? '' : '1:'}:fe dev ${name} metric ${metric}`,
];
const none = [null, null];
const first = ['203.0.113.1', '2001:db8::1'];
const second = ['198.51.100.1', '2001:db8:1::1'];

/** One table of hosts, long because each row says a whole host: a case is found by its name. */
describe('the public addresses', () => {
  const cases: [name: string, host: Host, expected: (string | null)[]][] = [
    ['of an empty host: none', { links: {}, lines: [] }, none],
    ['without a default route: the first interface', { links: two, lines: onBoth }, first],
    [
      'the one that the default route leaves by',
      { links: two, lines: [...onBoth, ...defaults('e1')] },
      second,
    ],
    [
      'of two default routes: that of the smaller metric',
      { links: two, lines: [...onBoth, ...defaults('e0', 200), ...defaults('e1', 100)] },
      second,
    ],
    [
      'one default route of each family',
      { links: two, lines: [...onBoth, defaults('e1')[0] ?? '', defaults('e0')[1] ?? ''] },
      ['198.51.100.1', '2001:db8::1'],
    ],
    [
      'a default route of another table does not count',
      {
        links: two,
        lines: [...onBoth, 'route add default via 198.51.100.254 dev e1 table 77'],
      },
      first,
    ],
    ['not of an interface that is down', { links: two, lines: [...onBoth, 'link set e0 down'] }, second],
    [
      'private addresses are passed over, also on the default route',
      {
        links: two,
        lines: [
          'addr add 10.0.0.1/8 dev e0',
          'addr add 198.51.100.1/24 dev e1',
          'route add default via 10.0.0.2',
        ],
      },
      ['198.51.100.1', null],
    ],
    [
      'every filtered network',
      {
        links: { e0: 'cable' },
        lines: [
          '10.0.0.1/8',
          '172.16.0.1/12',
          '192.168.0.1/16',
          '169.254.0.1/16',
          '100.64.0.1/10',
          'fd00::1/64 nodad',
        ].map(
          (address) =>
            `addr add ${address.replace(' nodad', '')} dev e0${address.endsWith('nodad') ? ' nodad' : ''}`,
        ),
      },
      none,
    ],
    [
      'an address of a network that is taken out of the filter',
      {
        links: { e0: 'cable' },
        lines: ['addr add 10.0.0.1/8 dev e0', 'addr add 10.9.0.1/16 dev e0'],
        options: { allowed: ['10.9.0.0/16'] },
      },
      ['10.9.0.1', null],
    ],
    [
      'no address of a network that is added to the filter',
      { links: two, lines: [...onBoth, ...defaults('e0')], options: { filtered: ['203.0.113.0/24'] } },
      ['198.51.100.1', '2001:db8::1'],
    ],
    ...['bridge', 'tun', 'vxlan id 7 dstport 4789'].map((kind): [string, Host, (string | null)[]] => [
      `not of a ${kind.split(' ')[0]}`,
      {
        links: { b0: kind, e0: 'cable' },
        lines: ['addr add 198.51.100.7/24 dev b0', 'addr add 203.0.113.1/24 dev e0'],
      },
      ['203.0.113.1', null],
    ]),
    [
      'a cable that is plugged into a bridge',
      {
        links: { b0: 'bridge', ...two },
        lines: [...onBoth, 'link set e0 master b0', ...defaults('e1')],
      },
      second,
    ],
    [
      'the first address of the interface, not what was added behind it',
      {
        links: { e0: 'cable' },
        lines: ['addr add 203.0.113.9/24 dev e0', 'addr add 203.0.113.1/24 dev e0'],
      },
      ['203.0.113.9', null],
    ],
    [
      'no IPv6 address that is given up soon',
      {
        links: { e0: 'cable' },
        // The kernel names the newest first.
        lines: [
          'addr add 2001:db8::8/64 dev e0 nodad',
          'addr add 2001:db8::7/64 dev e0 nodad preferred_lft 0',
        ],
      },
      [null, '2001:db8::8'],
    ],
    [
      'no IPv6 address that the kernel made for a while',
      {
        links: { e0: 'cable' },
        sysctls: { 'net.ipv6.conf.e0.use_tempaddr': '2', 'net.ipv6.conf.e0.accept_dad': '0' },
        lines: ['addr add 2001:db8::8/64 dev e0 mngtmpaddr'],
        shown: /inet6 2001:db8:\S+ scope global temporary/,
      },
      [null, '2001:db8::8'],
    ],
    [
      'no IPv6 address that somebody else may turn out to have',
      {
        links: { e0: 'cable' },
        sysctls: { 'net.ipv6.conf.e0.dad_transmits': '1000' },
        lines: ['addr add 2001:db8::8/64 dev e0 nodad', 'addr add 2001:db8::7/64 dev e0'],
        shown: /inet6 2001:db8::7\S+ scope global tentative/,
      },
      [null, '2001:db8::8'],
    ],
    [
      'of several on one interface the first, beside virtual ones of its network',
      {
        links: { e0: 'cable' },
        lines: ['203.0.113.1/24', '203.0.113.250/32', '203.0.113.251/24'].map(
          (address) => `addr add ${address} dev e0`,
        ),
        shown: /203\.0\.113\.251\S+ scope global secondary/,
      },
      ['203.0.113.1', null],
    ],
    [
      'of a link between two ends its own end',
      { links: { e0: 'cable' }, lines: ['addr add 203.0.113.5 peer 203.0.113.6/32 dev e0'] },
      ['203.0.113.5', null],
    ],
    [
      'none of the loopback interface',
      {
        links: { e0: 'cable' },
        lines: ['addr replace 203.0.113.77/32 dev lo', 'addr add 198.51.100.1/24 dev e0'],
      },
      ['198.51.100.1', null],
    ],
    [
      'none of link scope',
      {
        links: two,
        lines: ['addr add 203.0.113.1/24 dev e0 scope link', 'addr add 198.51.100.1/24 dev e1'],
      },
      ['198.51.100.1', null],
    ],
    [
      'of a default route with several ways the first interface among them',
      {
        links: { ...two, e2: 'cable' },
        lines: [
          ...onBoth,
          'addr add 192.0.2.1/24 dev e2',
          'route add default nexthop via 192.0.2.254 dev e2 nexthop via 198.51.100.254 dev e1',
        ],
      },
      ['198.51.100.1', '2001:db8::1'],
    ],
    [
      'of an uplink on a bridge',
      {
        links: { b0: 'bridge', e0: 'cable' },
        lines: [
          'link set e0 master b0',
          'addr add 203.0.113.7/24 dev b0',
          'addr add 2001:db8::7/64 dev b0 nodad',
          'route add default via 203.0.113.1',
          '-6 route add default via 2001:db8::1 dev b0',
        ],
      },
      ['203.0.113.7', '2001:db8::7'],
    ],
    [
      'of an uplink on a tunnel, although a cable has one too',
      {
        links: { t0: 'tun', e0: 'cable' },
        lines: [
          'addr add 203.0.113.7/24 dev t0',
          'addr add 2001:db8::7/64 dev t0 nodad',
          'addr add 198.51.100.1/24 dev e0',
          'route add default dev t0',
          '-6 route add default dev t0',
        ],
      },
      ['203.0.113.7', '2001:db8::7'],
    ],
    [
      'of the loopback interface, where the default route names it',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 10.0.0.5/24 dev e0',
          'addr add 203.0.113.7/32 dev lo',
          'addr add 2001:db8::7/128 dev lo',
          'route add default via 10.0.0.1 src 203.0.113.7',
          '-6 route add default via fe80::1 dev e0 src 2001:db8::7',
        ],
      },
      ['203.0.113.7', '2001:db8::7'],
    ],
    [
      'of the loopback interface, where the uplink has none',
      {
        links: { e0: 'cable' },
        lines: ['addr add 203.0.113.7/32 dev lo', 'route add default dev e0'],
      },
      ['203.0.113.7', null],
    ],
    [
      'of an inner interface that a route of several ways names',
      {
        links: { ...two, m0: 'bridge' },
        lines: [
          'addr add 10.0.0.5/24 dev e0',
          'addr add 10.0.1.5/24 dev e1',
          'addr add 203.0.113.7/32 dev m0',
          'route add default src 203.0.113.7 nexthop via 10.0.0.1 dev e0 nexthop via 10.0.1.1 dev e1',
        ],
      },
      ['203.0.113.7', null],
    ],
    [
      'the source of the default route, behind another address of its network',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 203.0.113.99/24 dev e0',
          'addr add 203.0.113.7/24 dev e0',
          'addr add 2001:db8::7/64 dev e0 nodad',
          'addr add 2001:db8::99/64 dev e0 nodad',
          'route add default via 203.0.113.1 src 203.0.113.7',
          '-6 route add default via 2001:db8::1 dev e0 src 2001:db8::99',
        ],
      },
      ['203.0.113.7', '2001:db8::99'],
    ],
    [
      'what has the gateway in its network, behind a virtual address',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 203.0.113.99/32 dev e0',
          'addr add 203.0.113.7/24 dev e0',
          'addr add 2001:db8::99/128 dev e0 nodad',
          'addr add 2001:db8::7/64 dev e0 nodad',
          'route add default via 203.0.113.1',
          '-6 route add default via 2001:db8::1 dev e0',
        ],
      },
      ['203.0.113.7', '2001:db8::7'],
    ],
    [
      'what has a network, where the gateway tells nothing',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 2001:db8::99/128 dev e0 nodad',
          'addr add 2001:db8::7/64 dev e0 nodad',
          '-6 route add default via fe80::1 dev e0',
        ],
      },
      [null, '2001:db8::7'],
    ],
    [
      'the address that the Node has, among equals',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 203.0.113.99/24 dev e0',
          'addr add 203.0.113.7/24 dev e0',
          'addr add 2001:db8::99/64 dev e0 nodad',
          'addr add 2001:db8::7/64 dev e0 nodad',
          'route add default via 203.0.113.1',
          '-6 route add default via fe80::1 dev e0',
        ],
        options: { node: ['203.0.113.7', '2001:db8::7'] },
      },
      ['203.0.113.7', '2001:db8::7'],
    ],
    [
      'the address that the Node has, where no interface may have a public one',
      {
        links: { e0: 'cable' },
        lines: [
          'addr add 10.0.0.5/24 dev e0',
          'addr add 203.0.113.7/32 dev lo',
          'route add default via 10.0.0.1',
        ],
        options: { node: ['203.0.113.7'] },
      },
      ['203.0.113.7', null],
    ],
    [
      'not the newest IPv6 address, which the kernel names first',
      {
        links: { e0: 'cable' },
        lines: ['::8', '::7', '::9'].map((each) => `addr add 2001:db8${each}/64 dev e0 nodad`),
        shown: /2001:db8::9.*2001:db8::7.*2001:db8::8/s,
      },
      [null, '2001:db8::8'],
    ],
    ...[0, 1].map((compatible): [string, Host, (string | null)[]] => [
      `of a default route by nexthop objects${compatible === 1 ? '' : ', of which the kernel says no more'}`,
      {
        links: two,
        sysctls: { 'net.ipv4.nexthop_compat_mode': String(compatible) },
        lines: [
          ...onBoth,
          'nexthop add id 1 via 198.51.100.254 dev e1',
          'nexthop add id 2 via 2001:db8:1::fe dev e1',
          'nexthop add id 3 group 2',
          'route add default nhid 1',
          '-6 route add default nhid 3',
        ],
      },
      second,
    ]),
    [
      'of a default route in a table that a rule leads to',
      {
        links: two,
        lines: [
          ...onBoth,
          'route add default via 198.51.100.254 dev e1 table 77',
          'rule add pref 100 lookup 77',
          '-6 route add default via 2001:db8:1::fe dev e1 table 77',
          '-6 rule add pref 100 lookup 77',
        ],
        undo: ['rule del pref 100', '-6 rule del pref 100'],
      },
      second,
    ],
    [
      'of a default route in a table that a rule leads to before that of the main one',
      {
        links: two,
        lines: [
          ...onBoth,
          ...defaults('e0'),
          'route add default via 198.51.100.254 dev e1 table 77',
          'rule add pref 100 not fwmark 0x51820 lookup 77',
          '-6 route add default via 2001:db8:1::fe dev e1 table 77',
          '-6 rule add pref 100 not fwmark 0x51820 lookup 77',
        ],
        undo: ['rule del pref 100', '-6 rule del pref 100'],
      },
      second,
    ],
    ...['from 198.51.100.1', 'iif b0', 'fwmark 1'].map((selector): [string, Host, (string | null)[]] => [
      `of a default route that only a rule "${selector}" leads to`,
      {
        links: { ...two, b0: 'bridge' },
        lines: [
          ...onBoth,
          'route add default via 198.51.100.254 dev e1 table 77',
          `rule add pref 100 ${selector} lookup 77`,
          '-6 route add default via 2001:db8:1::fe dev e1 table 77',
          `-6 rule add pref 100 ${selector.replace('198.51.100.1', '2001:db8:1::1')} lookup 77`,
        ],
        undo: ['rule del pref 100', '-6 rule del pref 100'],
      },
      second,
    ]),
    [
      'a rule for one source does not make its way the way of all',
      {
        links: two,
        lines: [
          ...onBoth,
          ...defaults('e0'),
          'route add default via 198.51.100.254 dev e1 table 77',
          'rule add pref 100 from 198.51.100.1 lookup 77',
        ],
        undo: ['rule del pref 100'],
      },
      first,
    ],
    [
      'of a default route in two halves, over the default route of another interface',
      {
        links: two,
        lines: [
          ...onBoth,
          ...defaults('e0'),
          'route add 0.0.0.0/1 via 198.51.100.254',
          'route add 128.0.0.0/1 via 198.51.100.254',
          '-6 route add ::/1 via 2001:db8:1::fe',
          '-6 route add 8000::/1 via 2001:db8:1::fe',
        ],
      },
      second,
    ],
    [
      'of a route to all of the unicast space',
      { links: two, lines: [...onBoth, '-6 route add 2000::/3 via 2001:db8:1::fe'] },
      ['203.0.113.1', '2001:db8:1::1'],
    ],
    [
      'a route to one network is no default route',
      {
        links: two,
        lines: [
          ...onBoth,
          ...defaults('e0'),
          ...[9, 41, 77].map((n) => `route add ${n}.0.0.0/9 via 198.51.100.254`),
        ],
      },
      first,
    ],
  ];
  test.each(cases)('%s', (_, { links, lines, sysctls = {}, shown, options, undo = [] }, expected) => {
    cleanups.push(...undo);
    for (const [name, kind] of Object.entries(links)) link(name, kind);
    for (const [name, value] of Object.entries(sysctls)) {
      writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value);
    }
    for (const line of lines) ip(line);
    if (shown !== undefined) expect(ip('addr')).toMatch(shown);
    expect(detected(options)).toEqual(expected);
  });
});
