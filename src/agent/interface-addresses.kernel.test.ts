import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { enterFreshNamespace } from '../../test/netns/namespace.ts';
import type { Family } from '../net/family.ts';
import { type Prefix, parsePrefix } from '../net/prefix.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { publicAddress } from '../plan/pod.ts';
import { KernelAddresses } from './interface-addresses.ts';

beforeAll(() => enterFreshNamespace());

const ip = (line: string) => execFileSync('ip', line.split(' '), { encoding: 'utf8' });

afterEach(() => {
  for (const line of ip('-br link').split('\n')) {
    const name = line.split(/[ @]/)[0] ?? '';
    // The far end goes with the near one.
    if (/^(e|b|t|v|m)\d$/.test(name)) ip(`link del ${name}`);
  }
});

/** Links by what they are; each is up afterwards. `eN` is the near end of a cable. */
function link(name: string, kind: string): void {
  if (kind === 'cable') {
    ip(`link add ${name} type veth peer name far${name}`);
    ip(`link set far${name} up`);
  } else if (kind === 'tun') ip(`tuntap add dev ${name} mode tun`);
  else ip(`link add ${name} type ${kind}`);
  ip(`link set ${name} up`);
}

function detected(options: { allowed?: string[]; filtered?: string[] } = {}): (string | null)[] {
  const addresses = new KernelAddresses();
  try {
    const node = { localAddresses: addresses.current() };
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
  readonly options?: Parameters<typeof detected>[0];
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
  ];
  test.each(cases)('%s', (_, { links, lines, options }, expected) => {
    for (const [name, kind] of Object.entries(links)) link(name, kind);
    for (const line of lines) ip(line);
    expect(detected(options)).toEqual(expected);
  });
});

test('changes of addresses, links and routes are told', async () => {
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
