import { describe, expect, test } from 'vitest';
import { ip } from '../../../test/generators/build.ts';
import { formatFinding } from '../../model/finding.ts';
import { specialAddress } from '../../net/special-address.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const lines: string[] = [];
const context = {
  shared: new SharedValues(),
  podNat: defaultPodNatOptions,
  debug: (line: string) => lines.push(line),
};

const slice = (fields: object, labels: object = { 'kubernetes.io/service-name': 'web' }) => ({
  metadata: { name: 'web-1', namespace: 'shop', labels },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  ...fields,
});

function factOf(object: unknown) {
  const parsed = parseEndpointSlice(object, context);
  if (!parsed.ok || parsed.fact === null) throw new Error(`no fact: ${JSON.stringify(parsed)}`);
  return parsed.fact;
}

describe('parseEndpointSlice', () => {
  test('conditions: ready absent is true, serving absent is true, terminating absent is false', () => {
    const conditions = [
      undefined,
      {},
      { ready: null },
      { ready: true, serving: false },
      { ready: false },
      { ready: false, serving: true, terminating: true },
      { ready: false, terminating: true },
    ];
    const endpoints = conditions.map((each) => ({ addresses: ['10.0.0.1'], conditions: each }));
    const shown = factOf(slice({ endpoints })).endpoints.map(
      ({ state: { ready, serving, terminating } }) => `${ready} ${serving} ${terminating}`,
    );
    expect(shown).toEqual([
      'true true false',
      'true true false',
      'true true false',
      'true false false',
      'false true false',
      'false true true',
      'false true true',
    ]);
  });

  test('the first address, node and hints of each endpoint', () => {
    const endpoints = [
      {
        addresses: ['10.0.0.1', '10.0.0.2'],
        nodeName: 'a',
        hints: { forZones: [{ name: 'z1' }, { name: 'z2' }], forNodes: [{ name: 'a' }] },
      },
      { addresses: ['10.0.0.3'] },
    ];
    expect(factOf(slice({ endpoints })).endpoints).toMatchObject([
      { address: '10.0.0.1', state: { nodeName: 'a', zoneHints: ['z1', 'z2'], nodeHints: ['a'] } },
      { address: '10.0.0.3', state: { nodeName: null, zoneHints: [], nodeHints: [] } },
    ]);
  });

  test('v1beta1: the node stands in topology', () => {
    const endpoints = [{ addresses: ['10.0.0.1'], topology: { 'kubernetes.io/hostname': 'a' } }];
    expect(factOf(slice({ endpoints })).endpoints[0]?.state.nodeName).toBe('a');
  });

  test('the trigger time is in milliseconds', () => {
    const object = slice({});
    Object.assign(object.metadata, {
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '1970-01-01T00:00:02Z' },
    });
    expect(factOf(object).lastChangeTriggerAt).toBe(2000);
    expect(factOf(slice({})).lastChangeTriggerAt).toBeNull();
  });

  test('ports: name null is the unnamed one, a port without a usable number is left out with a warning', () => {
    const parsed = parseEndpointSlice(
      slice({
        ports: [
          { name: null, port: 53, protocol: 'UDP' },
          { name: 'x', port: null },
          { name: 'y', port: 0 },
          { name: 'z', port: 65536 },
        ],
      }),
      context,
    );
    expect(parsed.ok && parsed.fact?.ports).toEqual([{ name: '', protocol: 'UDP', port: 53 }]);
    expect(parsed.ok && parsed.warnings.map(formatFinding)).toEqual([
      'EndpointSlice shop/web-1: ports[1].port: a port without number means all ports, which no frontend can use: it is left out (KNAT_ENDPOINT_INCOMPLETE)',
      'EndpointSlice shop/web-1: ports[2].port: 0 is no port from 1 to 65535: it is left out (KNAT_ENDPOINT_INCOMPLETE)',
      'EndpointSlice shop/web-1: ports[3].port: 65536 is no port from 1 to 65535: it is left out (KNAT_ENDPOINT_INCOMPLETE)',
    ]);
  });

  test('lists that are null are empty', () => {
    expect(factOf(slice({ endpoints: null, ports: null }))).toMatchObject({ endpoints: [], ports: [] });
  });

  test.each(['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'])(
    'label %s: it is left to others',
    (label) => {
      const labels = { 'kubernetes.io/service-name': 'web', [label]: '' };
      expect(parseEndpointSlice(slice({}, labels), context)).toEqual({ ok: true, fact: null, warnings: [] });
    },
  );

  test('without a Service, or of type FQDN, it is no fact', () => {
    expect(parseEndpointSlice(slice({}, {}), context)).toEqual({ ok: true, fact: null, warnings: [] });
    expect(
      parseEndpointSlice(slice({ addressType: 'FQDN', endpoints: [{ addresses: ['a.b'] }] }), context),
    ).toEqual({
      ok: true,
      fact: null,
      warnings: [],
    });
    expect(lines).toEqual(['EndpointSlice shop/web-1: address type FQDN is left out']);
  });

  test.each([
    [
      { addressType: 'IPv6', endpoints: [{ addresses: ['10.0.0.1'] }] },
      'endpoints[0].addresses[0]: 10.0.0.1 is no IPv6 address, as addressType says: move it to a slice of its own family (KNAT_ADDRESS_FAMILY)',
    ],
    [{ addressType: 'IP' }, 'addressType: "IP" is not known: use one of IPv4, IPv6, FQDN (KNAT_FIELD_VALUE)'],
    [{ addressType: undefined }, 'addressType: add addressType: IPv4 or IPv6 (KNAT_FIELD_REQUIRED)'],
    [
      { endpoints: [{ addresses: ['pod-a'] }] },
      'endpoints[0].addresses[0]: "pod-a" is no IPv4 or IPv6 address (KNAT_ADDRESS_INVALID)',
    ],
    [
      { ports: [{ port: 'http' }] },
      'ports[0].port: must be a whole number, not the text "http" (KNAT_FIELD_TYPE)',
    ],
    [
      { endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: 'yes' } }] },
      'endpoints[0].conditions.ready: must be true or false, not the text "yes" (KNAT_FIELD_TYPE)',
    ],
  ])('%j is refused', (fields, message) => {
    const parsed = parseEndpointSlice(slice(fields), context);
    expect(parsed.ok ? [] : parsed.problems.map(formatFinding)).toEqual([
      `EndpointSlice shop/web-1: ${message}`,
    ]);
  });

  test.each<[Record<string, unknown>, string]>([
    [
      { addresses: ['2001:db8::1'] },
      'addresses[0]: 2001:db8::1 is no IPv4 address, as addressType says: move it to a slice of its own family; it is left out (KNAT_ADDRESS_FAMILY)',
    ],
    [
      { addresses: ['x'] },
      'addresses[0]: "x" is no IPv4 or IPv6 address; it is left out (KNAT_ADDRESS_INVALID)',
    ],
    ...['127.0.0.1', '0.0.0.0', '169.254.1.1', '224.0.0.5', '239.0.0.1'].map(
      (special): [Record<string, unknown>, string] => [
        { addresses: [special] },
        `addresses[0]: ${special} is ${specialAddress(ip(special))}, which no Service and no endpoint has; it is left out (KNAT_ADDRESS_SPECIAL)`,
      ],
    ),
    [
      { addresses: ['10.0.0.1'], conditions: { ready: 'yes' } },
      'conditions.ready: must be true or false, not the text "yes"; it is left out (KNAT_FIELD_TYPE)',
    ],
  ])('%j does not take its slice', (bad, message) => {
    const parsed = parseEndpointSlice(slice({ endpoints: [{ addresses: ['10.0.0.9'] }, bad] }), context);
    expect(parsed).toMatchObject({ ok: true, fact: { endpoints: [{ address: '10.0.0.9' }] } });
    expect(parsed.ok && parsed.fact?.endpoints).toHaveLength(1);
    expect(parsed.ok && parsed.warnings.map(formatFinding)).toEqual([
      `EndpointSlice shop/web-1: endpoints[1].${message}`,
    ]);
  });

  test('equal lists of ports and equal states are one value in memory', () => {
    const endpoints = [1, 2].map((each) => ({
      addresses: [`10.0.0.${each}`],
      hints: { forZones: [{ name: 'z' }] },
    }));
    const first = factOf(slice({ endpoints }));
    const second = factOf(slice({}));
    expect(first.ports).toBe(second.ports);
    expect(first.endpoints[0]?.state).toBe(first.endpoints[1]?.state);
  });

  test('endpoints share a state only if all of it is equal', () => {
    const endpoint = { addresses: ['10.0.0.1'], nodeName: 'a' };
    const others = [
      {},
      { nodeName: 'a ["b"]' },
      { nodeName: 'a', hints: { forZones: [{ name: 'z' }] } },
      { nodeName: 'a', hints: { forNodes: [{ name: 'z' }] } },
      { nodeName: 'a', hints: { forZones: [{ name: 'z' }, { name: 'y' }] } },
      { nodeName: 'a', conditions: { ready: false } },
      { nodeName: 'a', conditions: { serving: false } },
      { nodeName: 'a', conditions: { terminating: true } },
    ];
    const { endpoints } = factOf(
      slice({ endpoints: [endpoint, ...others.map((each) => ({ ...endpoint, ...each }))] }),
    );
    const texts = endpoints.map(({ state }) => JSON.stringify(state));
    const states = endpoints.map(({ state }) => state);
    expect(new Set(states).size).toBe(new Set(texts).size);
    expect(new Set(texts).size).toBe(8);
  });
});
