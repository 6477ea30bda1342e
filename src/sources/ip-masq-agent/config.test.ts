import { describe, expect, test } from 'vitest';
import { formatPrefix } from '../../net/prefix.ts';
import { parseIpMasqAgentConfig } from './config.ts';

const RFC1918 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

function read(text: string) {
  const { config, problems } = parseIpMasqAgentConfig(text, 'f');
  const reported = problems.map(
    ({ severity, origin, field, message }) => `${severity} ${origin} ${field}: ${message}`,
  );
  if (config === null) return { reported };
  const { nonMasqueradeCIDRs, masqLinkLocal, masqLinkLocalIPv6 } = config.fact;
  const cidrs = nonMasqueradeCIDRs.map(formatPrefix);
  return { cidrs, masqLinkLocal, masqLinkLocalIPv6, resyncMs: config.resyncMs, reported };
}

const defaults = {
  cidrs: RFC1918,
  masqLinkLocal: false,
  masqLinkLocalIPv6: false,
  resyncMs: 60_000,
  reported: [],
};

describe('a file changes only the settings that it has', () => {
  test.each<[string, object]>([
    ['', {}],
    ['{}', {}],
    ['masqLinkLocal: true', { masqLinkLocal: true }],
    ['nonMasqueradeCIDRs: []', { cidrs: [] }],
    [
      'nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- fd00::/8\nmasqLinkLocalIPv6: true',
      { cidrs: ['10.0.0.0/8', 'fd00::/8'], masqLinkLocalIPv6: true },
    ],
    [
      '{"NonMasqueradeCIDRs":["10.1.0.0/16"],"MasqLinkLocal":true,"ResyncInterval":"1m30s"}',
      { cidrs: ['10.1.0.0/16'], masqLinkLocal: true, resyncMs: 90_000 },
    ],
    ['resyncInterval: 100ms', { resyncMs: 1000 }],
    ['nonMasqueradeCIDRs: null', { cidrs: [] }],
    ['nonMasqueradeCIDRs:\nmasqLinkLocal: true', { cidrs: [], masqLinkLocal: true }],
    ['nonMasqueradeCIDRs: ~', { cidrs: [] }],
    ['{"nonMasqueradeCIDRs":null}', { cidrs: [] }],
    ['NONMASQUERADECIDRS: [10.1.0.0/16]\nnonMasqueradeCIDRs:', { cidrs: [] }],
    ['cidrLimit:\nmasqLinkLocal:\nmasqLinkLocalIPv6: null\nresyncInterval:', {}],
    ['null', {}],
    ['# nothing', {}],
    ['---\nmasqLinkLocal: true\n---\n', { masqLinkLocal: true }],
    ['masqLinkLocal: true\n...\n', { masqLinkLocal: true }],
    ['# first\n---\nmasqLinkLocal: true\n---\n# last\n', { masqLinkLocal: true }],
    ['{"masqLinkLocal":true}\n---\n', { masqLinkLocal: true }],
    ['masqLinkLocal: yes\nmasqLinkLocalIPv6: On', { masqLinkLocal: true, masqLinkLocalIPv6: true }],
    ['masqLinkLocal: y\nmasqLinkLocalIPv6: TRUE', { masqLinkLocal: true, masqLinkLocalIPv6: true }],
    ['masqLinkLocal: off\nmasqLinkLocalIPv6: n', {}],
    ['{masqLinkLocal: yes, masqLinkLocalIPv6: no}', { masqLinkLocal: true }],
    ['masqLinkLocal: false\nmasqLinkLocal: true', { masqLinkLocal: true }],
    ['{"masqLinkLocal":true,"masqLinkLocal":false}', {}],
    ['nonMasqueradeCIDRs: [10.1.0.0/16]\nnonMasqueradeCIDRs: [10.2.0.0/16]', { cidrs: ['10.2.0.0/16'] }],
    ['MasqLinkLocal: true\nmasqLinkLocal: false', {}],
    ['masqLinkLocal: false\nMasqLinkLocal: true', {}],
    ['nonMasqueradeCIDRs: [10.0.0.0/08, fd00::/064]', { cidrs: ['10.0.0.0/8', 'fd00::/64'] }],
    ['cidrLimit: 0100', {}],
    ['resyncInterval: 1.5m', { resyncMs: 90_000 }],
    ['resyncInterval: "-1s"', { resyncMs: 1000 }],
    ['resyncInterval: "0"', { resyncMs: 1000 }],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual({ ...defaults, ...expected });
  });
});

test('more networks than cidrLimit', () => {
  const list = Array.from({ length: 65 }, (_, index) => `10.${index}.0.0/16`).join(', ');
  expect(read(`nonMasqueradeCIDRs: [${list}]`)).toEqual({
    reported: ['error f:1 nonMasqueradeCIDRs: 65 networks, and cidrLimit is 64: raise it, or join networks'],
  });
  expect(read(`cidrLimit: 65\nnonMasqueradeCIDRs: [${list}]`).cidrs).toHaveLength(65);
});

test.each([
  [
    'nonMasqueradeCIDRs: [10.0.0.1/8]',
    'error f:1 nonMasqueradeCIDRs: "10.0.0.1/8" has host bits set: write 10.0.0.0/8',
  ],
  [
    'nonMasqueradeCIDRs: [10.0.0.0]',
    'error f:1 nonMasqueradeCIDRs: "10.0.0.0" is no CIDR: write ADDRESS/LENGTH',
  ],
  [
    'nonMasqueradeCIDRs: 10.0.0.0/8',
    'error f:1 nonMasqueradeCIDRs: must be a list, not the text "10.0.0.0/8"',
  ],
  [
    '\nmasqLinkLocal: yes please',
    'error f:2 masqLinkLocal: must be true or false, not the text "yes please"',
  ],
  ['cidrLimit: many', 'error f:1 cidrLimit: must be a whole number, not the text "many"'],
  ['resyncInterval: 60', 'error f:1 resyncInterval: the number 60 is no duration: write 60s or 1m30s'],
  ['resyncInterval: 60x', 'error f:1 resyncInterval: the text "60x" is no duration: write 60s or 1m30s'],
  ['masqLinkLocal: "yes"', 'error f:1 masqLinkLocal: must be true or false, not the text "yes"'],
  ['nonMasqueradeCIDRs: [~]', 'error f:1 nonMasqueradeCIDRs: "null" is no CIDR: write ADDRESS/LENGTH'],
  [
    'nonMasqueradeCIDRs: [10.0.0.0/33]',
    'error f:1 nonMasqueradeCIDRs: "10.0.0.0/33" is no CIDR: write ADDRESS/LENGTH',
  ],
  [
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ip-masq-agent}\ndata:\n  config: |\n    masqLinkLocal: true',
    'error f:1 : this is a whole ConfigMap: give data.config of it as the file',
  ],
  [
    '{"apiVersion":"v1","kind":"ConfigMap","data":{"config":"{}"}}',
    'error f:1 : this is a whole ConfigMap: give data.config of it as the file',
  ],
  ['- a', 'error f:1 : a list is no configuration: write its keys'],
])('%s', (text, reported) => {
  expect(read(text)).toEqual({ reported: [reported] });
});

test('text that is no YAML, and two documents', () => {
  expect(read('a: [').reported[0]).toMatch(/^error f:1 : no valid YAML/);
  expect(read('{}\n---\n{}').reported).toEqual(['error f:3 : only one document is read: remove the others']);
});

test('an unknown key is reported, and the rest is used', () => {
  expect(read('nonMasqCIDRs: []\nmasqLinkLocal: true')).toEqual({
    ...defaults,
    masqLinkLocal: true,
    reported: ['warning f:1 nonMasqCIDRs: unknown key: did you mean nonMasqueradeCIDRs?'],
  });
});
