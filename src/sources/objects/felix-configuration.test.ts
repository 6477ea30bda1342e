import { describe, expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { factKindOf, parseFact } from './fact-object.ts';
import { parseFelixConfiguration } from './felix-configuration.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
const parse = (spec: unknown, name = 'default') =>
  parseFelixConfiguration({ metadata: { name }, spec }, context);

describe('parseFelixConfiguration', () => {
  test('all four fields, among others', () => {
    const spec = {
      logSeverityScreen: 'Info',
      natPortRange: '32768:60999',
      natOutgoingAddress: '203.0.113.7',
      iptablesNATOutgoingInterfaceFilter: 'eth+',
      natOutgoingExclusions: 'IPPoolsAndHostIPs',
    };
    expect(parse(spec)).toEqual({
      ok: true,
      warnings: [],
      fact: {
        name: 'default',
        natPortRange: [{ first: 32768, last: 60999 }],
        natOutgoingAddress: ['203.0.113.7'],
        iptablesNATOutgoingInterfaceFilter: 'eth+',
        natOutgoingExclusions: 'IPPoolsAndHostIPs',
      },
    });
  });

  test('none of them', () => {
    const empty = { natPortRange: '', natOutgoingAddress: '', natOutgoingExclusions: '' };
    for (const spec of [undefined, {}, empty, { natPortRange: null }]) {
      expect(parse(spec)).toEqual({
        ok: true,
        warnings: [],
        fact: {
          name: 'default',
          natPortRange: null,
          natOutgoingAddress: [],
          iptablesNATOutgoingInterfaceFilter: null,
          natOutgoingExclusions: null,
        },
      });
    }
  });

  test.each([
    [{ natPortRange: 4000 }, { natPortRange: [{ first: 4000, last: 4000 }] }],
    [{ natPortRange: '4000' }, { natPortRange: [{ first: 4000, last: 4000 }] }],
    [
      { natPortRange: '1024:2000, 50000:65535' },
      {
        natPortRange: [
          { first: 1024, last: 2000 },
          { first: 50000, last: 65535 },
        ],
      },
    ],
    [{ natOutgoingAddress: 'FD00::1' }, { natOutgoingAddress: ['fd00::1'] }],
    [{ natOutgoingAddress: '192.0.2.1, fd00::1' }, { natOutgoingAddress: ['192.0.2.1', 'fd00::1'] }],
  ])('%j', (spec, expected) => {
    expect(parse(spec)).toMatchObject({ ok: true, fact: expected });
  });

  test.each([
    [
      { natPortRange: '2000:1000' },
      'spec.natPortRange: "2000:1000" is no range of ports: write FIRST:LAST, such as 32768:60999 (KNAT_FIELD_VALUE)',
    ],
    [
      { natPortRange: '1:70000' },
      'spec.natPortRange: "1:70000" is no range of ports: write FIRST:LAST, such as 32768:60999 (KNAT_FIELD_VALUE)',
    ],
    [
      { natPortRange: [1] },
      'spec.natPortRange: must be a whole number or a text, not a list (KNAT_FIELD_TYPE)',
    ],
    [
      { natOutgoingAddress: '192.0.2.1/24' },
      'spec.natOutgoingAddress: "192.0.2.1/24" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)',
    ],
    [
      { natOutgoingAddress: '192.0.2.1,192.0.2.2' },
      'spec.natOutgoingAddress: 192.0.2.2 is the second IPv4 address: give one of each family at most (KNAT_FIELD_VALUE)',
    ],
    [
      { iptablesNATOutgoingInterfaceFilter: 'a-name-too-long0' },
      'spec.iptablesNATOutgoingInterfaceFilter: "a-name-too-long0" is no name of an interface: 1 to 15 letters, digits or :._+- (KNAT_FIELD_VALUE)',
    ],
    [
      { natOutgoingExclusions: 'All' },
      'spec.natOutgoingExclusions: "All" is not known: use one of IPPoolsOnly, IPPoolsAndHostIPs (KNAT_FIELD_VALUE)',
    ],
  ])('%j is refused', (spec, message) => {
    const parsed = parse(spec);
    expect(parsed.ok ? [] : parsed.problems.map(formatFinding)).toEqual([
      `FelixConfiguration default: ${message}`,
    ]);
  });

  test('the settings of a single node are no fact, however they look', () => {
    expect(parse({ natPortRange: 'x' }, 'node.a')).toEqual({ ok: true, fact: null, warnings: [] });
  });

  test("Calico's own API decides before its definitions", () => {
    const versions = ['projectcalico.org/v3', 'crd.projectcalico.org/v1', 'knat.dev/v1'];
    expect(versions.map((version) => factKindOf(version, 'FelixConfiguration')?.rank ?? null)).toEqual([
      0,
      1,
      null,
    ]);
  });
});

test('a Namespace is its name and labels', () => {
  const object = { metadata: { name: 'mail', labels: { team: 'post' } }, status: { phase: 'Active' } };
  expect(parseFact('Namespace', object, context)).toEqual({
    ok: true,
    warnings: [],
    fact: { name: 'mail', labels: { team: 'post' } },
  });
  expect(parseFact('Namespace', { metadata: { name: 'bare' } }, context)).toMatchObject({
    fact: { labels: {} },
  });
});
