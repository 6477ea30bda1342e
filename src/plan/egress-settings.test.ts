import { describe, expect, test } from 'vitest';
import { ip, localAddress, nodeFacts, portOf } from '../../test/generators/build.ts';
import {
  decide,
  OUTSIDE,
  OUTSIDE6,
  POD,
  POD6,
  planOf,
  pods,
  six,
} from '../../test/generators/egress-given.ts';
import type { FelixConfigurationFact } from '../model/felix-configuration.ts';
import { formatRef } from '../model/object.ts';
import { egressSettings } from './egress-settings.ts';
import { scopeOf } from './nat-plan.ts';
import { defaultPlanOptions, type EgressOptions } from './options.ts';
import { Planner } from './planner.ts';

/** The numbers are those of docs/spec/egress-nat.md, "The decision". */

describe('8: natPortRange', () => {
  const portsOf = (options: Partial<EgressOptions>, felix: Partial<FelixConfigurationFact> = {}) =>
    scopeOf(planOf({ options, felix }), 'IPv4')
      .egress.ports.map(({ first, last }) => `${first}-${last}`)
      .join();
  const span = (first: number, last: number) => ({ first: portOf(first), last: portOf(last) });
  test.each<[string, Partial<EgressOptions>, Partial<FelixConfigurationFact>, string]>([
    ['none: the kernel chooses', {}, {}, ''],
    ['of Calico', {}, { natPortRange: [span(32768, 65535)] }, '32768-65535'],
    [
      'the option goes first',
      { natPortRange: [span(1024, 2000)] },
      { natPortRange: [span(32768, 65535)] },
      '1024-2000',
    ],
    [
      'NodePorts and VXLAN are taken out',
      { natPortRange: [span(1024, 65535)] },
      {},
      '1024-4788,4790-29999,32768-65535',
    ],
    [
      'unless told otherwise',
      { natPortRange: [span(1024, 65535)], natPortExclusions: false },
      {},
      '1024-65535',
    ],
    ['several', { natPortRange: [span(40000, 41000), span(2000, 3000)] }, {}, '2000-3000,40000-41000'],
    ['where nothing is left, all', { natPortRange: [span(30000, 30010)] }, {}, '30000-30010'],
  ])('%s', (_, options, felix, expected) => {
    expect(portsOf(options, felix)).toBe(expected);
  });
  test('of very many pieces the widest are used', () => {
    const excludedPorts = Array.from({ length: 600 }, (_, index) =>
      span(1100 + 10 * index, 1100 + 10 * index),
    );
    const ports = portsOf({ natPortRange: [span(1024, 65535)], excludedPorts }).split(',');
    expect(ports).toHaveLength(512);
    expect(ports.at(-1)).toBe('7091-65535');
  });
  test('reserved ports are left out, and come back when they are free again', () => {
    const planner = new Planner(nodeFacts({ reservedPorts: [span(2000, 2999)] }), {
      ...defaultPlanOptions,
      egress: { ...defaultPlanOptions.egress, natPortRange: [span(1024, 4000)] },
    });
    const ports = () =>
      scopeOf(planner.update(), 'IPv6').egress.ports.map(({ first, last }) => `${first}-${last}`);
    expect(ports()).toEqual(['1024-1999', '3000-4000']);
    planner.setNode(nodeFacts({ reservedPorts: [span(1024, 2000)] }));
    expect(ports()).toEqual(['2001-4000']);
    planner.setNode(nodeFacts());
    expect(ports()).toEqual(['1024-4000']);
    const all = { natPortRange: [span(1024, 4000)], natPortExclusions: false };
    const kept = planOf({ options: all, reservedPorts: [span(2000, 2999)] });
    expect(scopeOf(kept, 'IPv4').egress.ports).toEqual([span(1024, 4000)]);
  });
  test('entries without room are reported on the object that asks for them', () => {
    const every = (count: number) =>
      Array.from({ length: count }, (_, index) => span(5000 + 10 * index, 5000 + 10 * index));
    const noticesOf = (
      options: Partial<EgressOptions>,
      felix: Partial<FelixConfigurationFact>,
      count: number,
    ) =>
      [...planOf({ options, felix, reservedPorts: every(count) }).notices()].map(
        ({ code, object, message }) => `${code} ${formatRef(object)}: ${message}`,
      );
    const range = { natPortRange: [span(1024, 29999)] };
    // 4789 makes one piece more, and each reserved port.
    expect(noticesOf(range, {}, 510)).toEqual([]);
    expect(noticesOf(range, {}, 520)).toEqual([
      'NatInvalid Node node-a: natPortRange: 522 ranges are left on node node-a, and 512 have room: the widest are used, ' +
        '28365 of 28455 ports; reserve ports in fewer ranges, or ask for fewer',
    ]);
    expect(noticesOf({}, range, 520)).toEqual([
      expect.stringContaining('NatInvalid FelixConfiguration default: natPortRange: 522 ranges are left'),
    ]);
  });
});

describe('9: natOutgoingAddress', () => {
  const felix = (...addresses: string[]) => ({ natOutgoingAddress: addresses.map(ip) });
  test('instead of masquerading, per family', () => {
    const given = { pools: [pods, six], felix: felix('203.0.113.7') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['203.0.113.7', 'pods']);
    expect(decide(given, POD6, OUTSIDE6)).toEqual(['masquerade', 'six']);
  });
  test('both families', () => {
    const given = { pools: [six], felix: felix('203.0.113.7', '2001:db8::10') };
    expect(decide(given, POD6, OUTSIDE6)).toEqual(['2001:db8::10', 'six']);
  });
  test('an address that is not on this host: an error on the object, and masquerading, never nothing', () => {
    const given = { pools: [pods], felix: felix('203.0.113.99') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
    expect([...planOf(given).notices()]).toMatchObject([
      { code: 'NatAddressNotLocal', object: { kind: 'FelixConfiguration', name: 'default' } },
    ]);
  });
  test.each(['127.0.0.1', '127.1.2.3', '224.0.0.9', '0.0.0.0', '::1', '::', 'ff02::1'])(
    'never %s, although an interface has it',
    (address) => {
      const node = nodeFacts({ localAddresses: [localAddress(address)] });
      const options = { ...defaultPlanOptions.egress, natOutgoingAddress: [ip(address)] };
      const { address: chosen, notices } = egressSettings(options, undefined, node);
      expect(chosen).toEqual({ IPv4: null, IPv6: null });
      expect(notices).toMatchObject([{ code: 'NatAddressNotLocal', object: { kind: 'Node' } }]);
    },
  );
  test('the option comes first, and its error is reported on the node', () => {
    const given = { pools: [pods], felix: felix('203.0.113.7'), options: felix('203.0.113.99') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
    expect([...planOf(given).notices()]).toMatchObject([{ object: { kind: 'Node', name: 'node-a' } }]);
  });
});
