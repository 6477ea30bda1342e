import { describe, expect, test } from 'vitest';
import {
  cidr,
  hostListener,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
} from '../../test/generators/build.ts';
import { bitesObject } from '../../test/generators/limits.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { formatSet } from './canonical.ts';
import { formatPorts } from './entry-key.ts';
import { defaultPlanOptions, defaultPodNatPolicy, type PlanOptions } from './options.ts';
import { publicAddress } from './own-address.ts';
import { podFragment } from './pod.ts';

interface Given {
  readonly entries?: readonly Partial<PodNatEntry>[];
  readonly pod?: Partial<PodFact>;
  readonly node?: NodeFacts;
  readonly options?: Partial<PlanOptions>;
}

/** The fragment as texts: `KEY → ENDPOINT`, `KEY as ADDRESS`, and the reasons of the notices. */
function wanted({ entries = [{}], pod: rest = {}, node = nodeFacts(), options = {} }: Given) {
  const fragment = podFragment(pod(entries.map(natEntry), rest), node, { ...defaultPlanOptions, ...options });
  return {
    nat: fragment.entries.map((entry) => {
      if (entry.kind === 'PodBinding')
        return `${entry.key} → ${formatPorts(entry.endpoint, entry.portCount)}`;
      if (entry.kind === 'PodReservation') return `${entry.key} for later`;
      return entry.kind === 'PodSource' ? `${entry.key} as ${entry.snat}` : entry.kind;
    }),
    notices: fragment.notices.map((notice) => notice.code),
  };
}

const manual = (address: string) => ({ interfaceAuto: false, sourceIP: ip(address) });
const smtp = '203.0.113.7:25/TCP → 10.244.1.5:25';
const smtpSource = 'from 10.244.1.5/TCP as 203.0.113.7';

describe('entries of a pod', () => {
  const cases: [name: string, given: Given, nat: string[], notices?: string[]][] = [
    ['a binding, and its address for what it starts', {}, [smtp, smtpSource]],
    [
      'while it is not Ready only the latter, and the port is kept',
      { pod: { ready: false } },
      ['203.0.113.7:25/TCP for later', smtpSource],
    ],
    ['nothing to keep with egress off', { pod: { ready: false }, entries: [{ egress: false }] }, []],
    [
      'both at once with requireReady off',
      { pod: { ready: false }, options: { requireReady: false } },
      [smtp, smtpSource],
    ],
    ['no return address with egress off', { entries: [{ egress: false }] }, [smtp]],
    ['nothing on another node', { pod: { nodeName: 'node-b' } }, []],
    ['nothing without an annotation', { pod: { nat: null } }, []],
    ['nothing once it has finished', { pod: { finished: true } }, []],
    ['nothing while it terminates', { pod: { terminating: true } }, []],
    ['nothing before it has an address', { pod: { ips: [] } }, []],
    ['nothing on the host network', { pod: { hostNetwork: true } }, [], ['NatHostNetwork']],
    [
      'nothing to say of an empty annotation on the host network',
      { pod: { hostNetwork: true }, entries: [] },
      [],
    ],
    [
      'a manual address',
      { entries: [manual('192.0.2.10')] },
      ['192.0.2.10:25/TCP → 10.244.1.5:25', 'from 10.244.1.5/TCP as 192.0.2.10'],
    ],
    ['no address of another host', { entries: [manual('192.0.2.11')] }, [], ['NatAddressNotLocal']],
    ['no address of a family that it has not', { entries: [manual('2001:db8::10')] }, [], ['NatInvalid']],
    [
      'the other entries when one fails',
      { entries: [manual('192.0.2.11'), {}] },
      [smtp, smtpSource],
      ['NatAddressNotLocal'],
    ],
    [
      'of several entries of a protocol the first one’s return address',
      { entries: [manual('192.0.2.10'), {}] },
      ['192.0.2.10:25/TCP → 10.244.1.5:25', smtp, 'from 10.244.1.5/TCP as 192.0.2.10'],
    ],
    [
      'a return address for each protocol',
      { entries: [{}, { ...manual('192.0.2.10'), protocol: 'UDP' }] },
      [smtp, '192.0.2.10:25/UDP → 10.244.1.5:25', smtpSource, 'from 10.244.1.5/UDP as 192.0.2.10'],
    ],
    [
      'of two entries for one port the first',
      { entries: [{}, { destinationPort: portOf(2525) }] },
      [smtp, smtpSource],
    ],
    [
      'all ports of a range, in step, as one',
      { entries: [{ sourcePort: portOf(1000), destinationPort: portOf(2000), portCount: 3, egress: false }] },
      ['203.0.113.7:1000-1002/TCP → 10.244.1.5:2000-2002'],
    ],
    [
      'an address of each family that it has, where the node has a public one',
      { pod: { ips: ['10.244.1.5', 'fd00:244::5'].map(ip) } },
      [smtp, '[2001:db8::10]:25/TCP → [fd00:244::5]:25', smtpSource, 'from fd00:244::5/TCP as 2001:db8::10'],
    ],
    [
      'no port that the host itself listens on',
      { node: nodeFacts({ listeners: [hostListener(25)] }) },
      [smtpSource],
      ['NatHostPortInUse'],
    ],
    [
      'a port that the host listens on for another address, protocol or family',
      {
        node: nodeFacts({
          listeners: [
            hostListener(25, { address: ip('192.0.2.10') }),
            hostListener(25, { protocol: 'UDP' }),
            hostListener(25, { families: ['IPv6'] }),
          ],
        }),
      },
      [smtp, smtpSource],
    ],
    [
      'a port that it may take over from the host',
      {
        node: nodeFacts({ listeners: [hostListener(25)] }),
        entries: [{ takeover: true }],
        options: { podNatPolicy: { ...defaultPodNatPolicy, takeover: true } },
      },
      [smtp, smtpSource],
    ],
    [
      'of a range all ports but those of the host',
      {
        node: nodeFacts({ listeners: [hostListener(1001)] }),
        entries: [{ sourcePort: portOf(1000), destinationPort: portOf(2000), portCount: 3, egress: false }],
      },
      [0, 2].map((offset) => `203.0.113.7:${1000 + offset}/TCP → 10.244.1.5:${2000 + offset}`),
      ['NatHostPortInUse'],
    ],
    [
      'a listener of the host is no news while the pod is not Ready',
      { node: nodeFacts({ listeners: [hostListener(25)] }), pod: { ready: false } },
      [smtpSource],
    ],
    [
      'no loopback address, although the node bears it',
      {
        node: nodeFacts({ localAddresses: [localAddress('127.0.0.1'), localAddress('203.0.113.7')] }),
        entries: [manual('127.0.0.1')],
      },
      [],
      ['NatAddressNotLocal'],
    ],
    [
      'no binding without a public address',
      { node: nodeFacts({ localAddresses: [localAddress('10.0.0.1')] }) },
      [],
      ['NatNoPublicAddress'],
    ],
  ];
  test.each(cases)('%s', (_, given, nat, notices = []) => {
    expect(wanted(given)).toEqual({ nat, notices });
  });

  test('the allowed sources of the address’s family', () => {
    const allow = ['198.51.100.0/24', '2001:db8:1::/48'].map(cidr);
    const both = pod([natEntry({ allow })], { ips: ['10.244.1.5', 'fd00:244::5'].map(ip) });
    const { entries } = podFragment(both, nodeFacts(), defaultPlanOptions);
    const ranges = entries.map((entry) =>
      entry.kind === 'PodBinding' && entry.sourceRanges !== null ? formatSet(entry.sourceRanges) : null,
    );
    expect(ranges).toEqual([['198.51.100.0/24'], ['2001:db8:1::/48'], null, null]);
  });
});

describe('texts of notices', () => {
  const messages = (node: Partial<NodeFacts>, entry: Partial<PodNatEntry> = {}) =>
    podFragment(pod([natEntry(entry)]), nodeFacts(node), defaultPlanOptions).notices.map(
      ({ message }) => message,
    );

  test('a port in use: by what, and what may be done', () => {
    expect(messages({ listeners: [hostListener(25)] })).toEqual([
      'entry 0: this host itself listens on *:25 (TCP), so 203.0.113.7 is not bound there: end that program, or ' +
        'choose another srcPort; "takeover": true lets the pod have it where an administrator allows that (--pod-nat-takeover)',
    ]);
    const listeners = Array.from({ length: 9 }, (_, index) => hostListener(1000 + index));
    const range = { sourcePort: portOf(1000), destinationPort: portOf(1000), portCount: 20 };
    expect(messages({ listeners }, range)[0]).toContain('*:1003, *:1004 and 4 more (TCP)');
  });
});

describe('how much one Pod may ask for', () => {
  const entries = (count: number, step: number) =>
    Array.from({ length: count }, (_, index) => ({ sourcePort: portOf(1024 + index * step) }));
  const allow = (count: number) =>
    Array.from({ length: count }, (_, index) => cidr(`10.${index >> 8}.${index & 255}.0/25`));

  test('1,024 entries, and not one more; the note names the bound', () => {
    expect(wanted({ entries: entries(1024, 1) }).nat).toHaveLength(1025);
    const { nat, notices } = wanted({ entries: entries(1025, 1) });
    expect({ nat, notices }).toEqual({ nat: [], notices: ['NatInvalid'] });
    const { notices: reported } = podFragment(
      pod(entries(1025, 1).map(natEntry)),
      nodeFacts(),
      defaultPlanOptions,
    );
    expect(reported[0]?.message).toContain('1025 entries, and 1024 have room');
    bitesObject('pod-entries', reported);
  });

  test('equal entries and equal lists count once', () => {
    expect(wanted({ entries: entries(5000, 0) }).nat).toHaveLength(2);
    const same = entries(100, 1).map((entry) => ({ ...entry, allow: allow(500) }));
    expect(wanted({ entries: same }).notices).toEqual([]);
    const different = [500, 600].map((count, index) => ({
      sourcePort: portOf(1024 + index),
      allow: allow(count),
    }));
    expect(wanted({ entries: different }).notices).toEqual(['NatInvalid']);
  });
});

describe('the annotation', () => {
  test('a restricted port is reported as restricted', () => {
    const nat = { entries: [], warnings: [], error: 'restricted ports 22 are not allowed by default' };
    expect(wanted({ pod: { nat } }).notices).toEqual(['NatInvalid']);
    expect(wanted({ pod: { nat: { ...nat, isRestricted: true } } }).notices).toEqual(['NatRestricted']);
  });

  test('an error rejects all of it; warnings reject nothing', () => {
    const nat = { entries: [natEntry()], warnings: ['unknown key "x"'] };
    expect(wanted({ pod: { nat: { ...nat, error: 'broken' } } })).toEqual({
      nat: [],
      notices: ['NatInvalid', 'NatInvalid'],
    });
    expect(wanted({ pod: { nat: { ...nat, error: null } } })).toEqual({
      nat: [smtp, smtpSource],
      notices: ['NatInvalid'],
    });
  });

  test.each([
    [2378, 1, true],
    [2379, 1, false],
    [2378, 2, false],
    [2380, 1, false],
    [2381, 1, true],
    [2000, 1000, false],
    [29999, 1, true],
    [30000, 1, false],
    [32767, 1, false],
    [32768, 1, true],
    [10250, 1, false],
  ])('%i and %i ports from there are free: %s', (first, portCount, free) => {
    const { nat, notices } = wanted({ entries: [{ sourcePort: portOf(first), portCount }] });
    expect({ free: nat.length > 0, notices }).toEqual({ free, notices: free ? [] : ['NatRestricted'] });
  });
});

describe('the public address', () => {
  const detected = (addresses: NodeFacts['localAddresses'], options: Partial<PlanOptions> = {}) =>
    publicAddress('IPv4', nodeFacts({ localAddresses: addresses }), { ...defaultPlanOptions, ...options });

  const cases: [name: string, found: string | null, expected: string | null][] = [
    ['is the first', detected([localAddress('198.51.100.1'), localAddress('203.0.113.7')]), '198.51.100.1'],
    [
      'is rather that of the default route',
      detected([localAddress('198.51.100.1'), localAddress('203.0.113.7', { onDefaultRoute: true })]),
      '203.0.113.7',
    ],
    [
      'is none of an ineligible interface',
      detected([localAddress('198.51.100.1', { eligible: false, onDefaultRoute: true })]),
      null,
    ],
    ['is of the family', detected([localAddress('2001:db8::1')]), null],
    [
      'is none of the filtered networks',
      detected(
        ['127.0.0.1', '10.0.0.1', '172.31.0.1', '192.168.1.1', '169.254.1.1', '100.127.0.1'].map((address) =>
          localAddress(address),
        ),
      ),
      null,
    ],
    [
      'may be of a network that is taken out of the filter',
      detected([localAddress('10.0.0.1'), localAddress('10.1.0.1')], {
        publicAddressAllowed: [cidr('10.1.0.0/16')],
      }),
      '10.1.0.1',
    ],
  ];
  test.each(cases)('%s', (_, found, expected) => {
    expect(found).toBe(expected);
  });
});
