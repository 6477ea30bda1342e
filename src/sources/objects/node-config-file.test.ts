import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { parseNodeConfig } from './node-config-file.ts';

function problemsOf(text: string): string[] {
  const result = parseNodeConfig(text, 'node.yaml');
  return result.ok ? [] : result.problems.map(formatFinding);
}

describe('parseNodeConfig', () => {
  test('reads every key, from YAML', () => {
    const text = `
nodeName: a
nodeIP: [192.0.2.1, "2001:DB8::1"]
localNodeIPs: [192.0.2.1]
podCIDRs: [10.0.0.0/8]
serviceCIDRs: [172.30.0.0/16]
nodePortAddresses: [192.0.2.0/24]
masqueradeAll: true
topologyLabels: {topology.kubernetes.io/zone: z}
`;
    expect(parseNodeConfig(text, 'node.yaml')).toEqual({
      ok: true,
      config: {
        nodeName: 'a',
        nodeIPs: ['192.0.2.1', '2001:db8::1'],
        localNodeIPs: ['192.0.2.1'],
        podCIDRs: [{ family: 'IPv4', address: '10.0.0.0', length: 8 }],
        serviceCIDRs: [{ family: 'IPv4', address: '172.30.0.0', length: 16 }],
        nodePortAddresses: [{ family: 'IPv4', address: '192.0.2.0', length: 24 }],
        masqueradeAll: true,
        topologyLabels: { 'topology.kubernetes.io/zone': 'z' },
      },
    });
  });

  test.each(['', '# nothing\n', '{}'])('%j gives nothing', (text) => {
    expect(parseNodeConfig(text, 'node.yaml')).toEqual({ ok: true, config: {} });
  });

  test.each(['nodePortAddresses: primary', 'nodePortAddresses: [primary]', 'nodePortAddresses: []'])(
    '%s means the primary addresses',
    (text) => {
      expect(parseNodeConfig(text, 'node.yaml')).toEqual({ ok: true, config: { nodePortAddresses: null } });
    },
  );

  test.each([
    ['[primary, 10.0.0.0/8]', ['primary', { family: 'IPv4', address: '10.0.0.0', length: 8 }]],
    ['[localhost]', []],
    ['[localhost, primary]', null],
    [
      '[all]',
      [
        { family: 'IPv4', address: '0.0.0.0', length: 0 },
        { family: 'IPv6', address: '::', length: 0 },
      ],
    ],
  ])('nodePortAddresses: %s', (text, nodePortAddresses) => {
    const result = parseNodeConfig(`nodePortAddresses: ${text}`, 'node.yaml');
    expect(result).toEqual({ ok: true, config: { nodePortAddresses } });
  });

  test('all configurations of the conformance data are accepted', () => {
    const path = new URL('../../../test/conformance/service-flows.json', import.meta.url);
    const records = JSON.parse(readFileSync(path, 'utf8')) as { id: string; config: unknown }[];
    expect(records).toHaveLength(72);
    for (const { id, config } of records) {
      const result = parseNodeConfig(JSON.stringify(config), `${id}.json`);
      expect(result.ok ? Object.keys(result.config).length : result.problems, id).toBe(8);
    }
  });

  test.each([
    ['nodeIp: 10.0.0.1', 'node.yaml:1: nodeIp: unknown key: did you mean nodeIP? (KNAT_NODE_CONFIG_UNKNOWN)'],
    [
      'nodeName: a\npodCidr: [10.0.0.0/8]',
      'node.yaml:2: podCidr: unknown key: did you mean podCIDRs? (KNAT_NODE_CONFIG_UNKNOWN)',
    ],
    [
      'podCIDRs:\n- 10.0.0.0/8\n- 10.0.0.1/8',
      'node.yaml:3: podCIDRs[1]: "10.0.0.1/8" has host bits set: write 10.0.0.0/8 (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      '{"nodeIP":\n"node-a"}',
      'node.yaml:2: nodeIP: "node-a" is no IPv4 or IPv6 address (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      'nodeIPs: [10.0.0.1, x]',
      'node.yaml:1: nodeIPs[1]: "x" is no IPv4 or IPv6 address (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      'nodeIPs: [10.0.0.1, 10.0.0.2]',
      'node.yaml:1: nodeIPs: a node has one primary address of each family: remove the others (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      'nodePortAddresses: [primary, host]',
      'node.yaml:1: nodePortAddresses[1]: "host" is neither a CIDR nor one of primary, localhost, all (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      'nodeIP: 10.0.0.1\nnodeIPs: [10.0.0.1]',
      'node.yaml:1: nodeIP and nodeIPs mean the same: keep one (KNAT_NODE_CONFIG_FIELD)',
    ],
    [
      'a: 1\n---\nb: 1',
      'node.yaml:3: only one document is read: remove the others (KNAT_NODE_CONFIG_SYNTAX)',
    ],
  ])('%j is refused', (text, message) => {
    expect(problemsOf(text)).toEqual([message]);
  });

  test('all errors are found at once, each with its path', () => {
    const problems = problemsOf('masqueradeAll: "yes"\nnodeName: 5\ntopologyLabels: {a.b/c: 5}\n');
    expect(problems.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'node.yaml:2 nodeName',
      'node.yaml:1 masqueradeAll',
      'node.yaml:3 topologyLabels[a.b/c]',
    ]);
  });

  test.each(['nodeName: [', '{"nodeName": }', '- a', '5'])('%j is no configuration', (text) => {
    expect(problemsOf(text).join()).toMatch(/^node\.yaml:\d+: .*KNAT_NODE_CONFIG_/);
  });
});
