import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import { CliError } from '../cli-error.ts';
import { type KubeProxyConfig, parseKubeProxyConfig } from './kube-proxy-config.ts';
import { type FieldType, kubeProxyFields } from './kube-proxy-fields.ts';

const HEAD = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

function parse(yaml: string): KubeProxyConfig {
  return parseKubeProxyConfig(HEAD + yaml, 'config.conf');
}

/** `a.b.c: value` as nested YAML. */
function nested(path: string, value: string): string {
  return path
    .split('.')
    .reduceRight((inner, name) => `{${name}: ${inner}}`, value)
    .slice(1, -1);
}

/** The fields of the v1alpha1 type of Kubernetes 1.36, by their JSON names, written down from its Go source. */
const FIELDS_OF_1_36 = `
featureGates
clientConnection.kubeconfig clientConnection.acceptContentTypes clientConnection.contentType clientConnection.qps clientConnection.burst
logging.format logging.flushFrequency logging.verbosity logging.vmodule
logging.options.text.splitStream logging.options.text.infoBufferSize logging.options.json.splitStream logging.options.json.infoBufferSize
hostnameOverride bindAddress healthzBindAddress metricsBindAddress bindAddressHardFail enableProfiling showHiddenMetricsForVersion
mode
iptables.masqueradeBit iptables.masqueradeAll iptables.localhostNodePorts iptables.syncPeriod iptables.minSyncPeriod
ipvs.syncPeriod ipvs.minSyncPeriod ipvs.scheduler ipvs.excludeCIDRs ipvs.strictARP ipvs.tcpTimeout ipvs.tcpFinTimeout ipvs.udpTimeout
nftables.masqueradeBit nftables.masqueradeAll nftables.syncPeriod nftables.minSyncPeriod
winkernel.networkName winkernel.sourceVip winkernel.enableDSR winkernel.rootHnsEndpointName winkernel.forwardHealthCheckVip
detectLocalMode detectLocal.bridgeInterface detectLocal.interfaceNamePrefix clusterCIDR
nodePortAddresses oomScoreAdj
conntrack.maxPerCore conntrack.min conntrack.tcpEstablishedTimeout conntrack.tcpCloseWaitTimeout conntrack.tcpBeLiberal conntrack.udpTimeout conntrack.udpStreamTimeout
configSyncPeriod portRange windowsRunAsService
`
  .trim()
  .split(/\s+/);

/** A value that says something, of each type; and one that is of none. */
const samples: Record<FieldType, readonly [string, string]> = {
  text: ['abc', '7'],
  flag: ['true', '"yes"'],
  number: ['7', '"seven"'],
  duration: ['77s', '[1]'],
  texts: ['["10.0.0.0/8"]', '10.0.0.0/8'],
  flags: ['{Some: true}', '[Some]'],
  quantity: ['4Ki', '[4]'],
  patterns: ['[{filePattern: a, verbosity: 7}]', 'a'],
};
const sampleOf: Record<string, string> = {
  'logging.format': 'json',
  bindAddress: '192.0.2.77',
  healthzBindAddress: '192.0.2.77:7777',
  metricsBindAddress: '127.0.0.1:7777',
  mode: 'ipvs',
  featureGates: '{AllowServiceExternalIPs: false}',
  detectLocalMode: 'NodeCIDR',
  'detectLocal.bridgeInterface': 'cni7',
  'detectLocal.interfaceNamePrefix': 'cali7',
  clusterCIDR: '10.77.0.0/16,fd00:77::/48',
};
/** What else must be said for the field to count. */
const beside: Record<string, string> = { 'nftables.masqueradeAll': 'mode: nftables\n' };

test('every field of the type is in the table, and nothing else but what came later', () => {
  const later = ['iptables.snatNodeInternalIP'];
  expect(Object.keys(kubeProxyFields).sort()).toEqual([...FIELDS_OF_1_36, ...later].sort());
});

describe.each(Object.entries(kubeProxyFields))('%s', (path, field) => {
  const [good, bad] = samples[field.type];
  const more = beside[path] ?? '';

  test('has an effect, or is named in a warning', () => {
    const plain = parse(more);
    const set = parse(more + nested(path, sampleOf[path] ?? good));
    const isEffective =
      JSON.stringify([set.settings, set.facts.node]) !== JSON.stringify([plain.settings, plain.facts.node]);
    const isNamed = set.facts.warnings.some((line) => line.startsWith(`${path}: `));
    expect([isEffective, isNamed]).toEqual(
      path === 'mode' ? [false, true] : isEffective ? [true, false] : [false, true],
    );
    expect(field.here.startsWith('no effect')).toBe(!isEffective && path !== 'mode');
  });

  test('of the wrong type is refused, with its line and path', () => {
    let details: readonly string[] = [];
    try {
      parse(nested(path, bad));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      expect(error.code).toBe('KNAT_CONFIG_INVALID');
      details = error.details;
    }
    expect(details).toEqual([expect.stringMatching(`^config.conf:3: ${path}: expected `)]);
  });

  test('null is as if it were not there', () => {
    expect(parse(more + nested(path, 'null'))).toEqual(parse(more));
  });
});

test('the effect of each field that has one', () => {
  const { settings, facts } = parse(`
mode: nftables
clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf}
logging: {format: json, verbosity: 5}
hostnameOverride: worker-1
bindAddress: 192.0.2.10
healthzBindAddress: 192.0.2.10
metricsBindAddress: 127.0.0.1:7
nftables: {masqueradeAll: true}
detectLocalMode: InterfaceNamePrefix
detectLocal: {bridgeInterface: cni0, interfaceNamePrefix: cali}
clusterCIDR: 10.244.0.0/16,fd00:244::/48
nodePortAddresses: [192.0.2.1/24]
conntrack: {maxPerCore: 0, min: 5, tcpEstablishedTimeout: 2h0m0s, tcpCloseWaitTimeout: 0s, tcpBeLiberal: true, udpTimeout: 31s, udpStreamTimeout: 121s}
`);
  expect(settings).toEqual({
    kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf',
    logFormat: 'json',
    logLevel: 'debug',
    healthAddress: { host: '192.0.2.10', port: 10256 },
    metricsAddress: { host: '127.0.0.1', port: 7 },
    conntrackMaxPerCore: 0,
    conntrackMin: 5,
    conntrackTcpTimeoutEstablished: 7200,
    conntrackTcpTimeoutCloseWait: 0,
    conntrackTcpBeLiberal: true,
    conntrackUdpTimeout: 31,
    conntrackUdpTimeoutStream: 121,
  });
  const { podCIDRs, nodePortAddresses, ...node } = facts.node;
  expect(node).toEqual({
    nodeName: 'worker-1',
    bindAddress: '192.0.2.10',
    masqueradeAll: true,
    detectLocalMode: 'InterfaceNamePrefix',
    podBridgeInterface: 'cni0',
    podInterfaceNamePrefix: 'cali',
  });
  expect(podCIDRs?.map(formatPrefix)).toEqual(['10.244.0.0/16', 'fd00:244::/48']);
  expect(nodePortAddresses?.map(formatRange)).toEqual(['192.0.2.0/24']);
  expect(facts.warnings).toEqual([]);
});

/** What kubeadm writes into the ConfigMap kube-proxy. */
const KUBEADM = `
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`;

test("kubeadm's configuration as it stands: kube-proxy's defaults, and not one warning", () => {
  const { settings, facts } = parse(KUBEADM);
  expect(settings).toEqual({
    kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf',
    healthAddress: { host: '0.0.0.0', port: 10256 },
    conntrackMaxPerCore: 32768,
    conntrackMin: 131072,
    conntrackTcpTimeoutEstablished: 86400,
    conntrackTcpTimeoutCloseWait: 3600,
  });
  expect(facts.node.podCIDRs?.map(formatPrefix)).toEqual(['10.244.0.0/16']);
  // kube-proxy's default mode is iptables, in which NodePorts answer everywhere.
  expect(facts.node.nodePortAddresses?.map(formatRange)).toEqual(['0.0.0.0/0', '::/0']);
  expect(facts.warnings).toEqual([]);
});

test.each([
  ['mode: nftables', null, []],
  ['mode: nftables\nnodePortAddresses: [primary]', null, []],
  ['nodePortAddresses: [all]', ['0.0.0.0/0', '::/0'], []],
  ['nodePortAddresses: [localhost, 192.0.2.0/24]', ['192.0.2.0/24'], [/^nodePortAddresses: localhost /]],
  ['nodePortAddresses: [primary, 192.0.2.0/24]', ['primary', '192.0.2.0/24'], []],
  ['nodePortAddresses: [primary, localhost]', null, [/^nodePortAddresses: localhost /]],
  ['nodePortAddresses: [localhost]', [], [/^nodePortAddresses: localhost .*they answer nowhere$/]],
  ['mode: nftables\nnodePortAddresses: [localhost]', [], [/^nodePortAddresses: localhost /]],
  ['nodePortAddresses: [primary, all]', ['primary', '0.0.0.0/0', '::/0'], []],
] as const)('NodePorts with %s', (yaml, expected, warnings) => {
  const { node, warnings: reported } = parse(yaml).facts;
  expect(node.nodePortAddresses?.map(formatRange) ?? null).toEqual(expected);
  expect(reported).toEqual(warnings.map((pattern) => expect.stringMatching(pattern)));
});

const formatRange = (range: Prefix | 'primary') => (range === 'primary' ? range : formatPrefix(range));

test('externalIPs are served unless the gate is closed; other gates mean nothing and are named', () => {
  const of = (gates: string) => {
    const { settings, facts } = parse(`featureGates: {${gates}}`);
    return [settings.externalIps, facts.warnings];
  };
  expect(of('AllowServiceExternalIPs: false')).toEqual([[], []]);
  expect(of('AllowServiceExternalIPs: true')).toEqual([undefined, []]);
  expect(of('NFTablesNetlink: true, AllowServiceExternalIPs: false')).toEqual([
    [],
    ['featureGates: no effect: there is no feature gate NFTablesNetlink'],
  ]);
});

test('hostnameOverride is trimmed and in lower case, and is more than white space', () => {
  expect(parse('hostnameOverride: " Worker-1.Example "').facts.node.nodeName).toBe('worker-1.example');
  expect(() => parse('hostnameOverride: "  "')).toThrow(CliError);
});

test('masqueradeAll counts where it belongs to the mode, and is named where it does not', () => {
  const both = 'nftables: {masqueradeAll: true}\n';
  expect(parse(both).facts.node.masqueradeAll).toBeUndefined();
  expect(parse(both).facts.warnings).toEqual(['nftables.masqueradeAll: no effect: the mode is another']);
  expect(parse(`mode: nftables\n${both}`).facts.node.masqueradeAll).toBe(true);
  expect(parse('mode: ipvs\niptables: {masqueradeAll: true}').facts.node.masqueradeAll).toBe(true);
});

test('metrics that the outside may read need a token here, which is said', () => {
  const { settings, facts } = parse('metricsBindAddress: 0.0.0.0');
  expect(settings.metricsAddress).toEqual({ host: '0.0.0.0', port: 10249 });
  expect(facts.warnings).toEqual([expect.stringContaining('metricsBindAddress: who is not on this node')]);
  expect(parse('bindAddress: "2001:db8::1"').settings).toMatchObject({
    metricsAddress: { host: '::1', port: 10249 },
    healthAddress: { host: '::', port: 10256 },
  });
});

test('unknown fields are named, at every depth', () => {
  const { warnings } = parse(
    'udpIdleTimeout: 250ms\nconntrack: {maxPerCores: 1}\nbindAdress: 192.0.2.1',
  ).facts;
  expect(warnings).toEqual([
    'udpIdleTimeout: unknown field, no effect',
    'conntrack.maxPerCores: unknown field, no effect; did you mean conntrack.maxPerCore?',
    'bindAdress: unknown field, no effect; did you mean bindAddress?',
  ]);
});

test.each([
  ['mode: userspace', 'config.conf:3: mode: "userspace" is none of iptables, ipvs, nftables, kernelspace'],
  ['detectLocalMode: Bridge', 'config.conf:3: detectLocalMode: "Bridge" is none of '],
  ['a: 1\nconntrack:\n  min: -1', 'config.conf:5: conntrack.min: -1 is no whole number'],
  ['iptables: [1]', 'config.conf:3: iptables: expected a mapping'],
  ['bindAddress: node', 'config.conf:3: bindAddress: "node" is no IP address'],
  ['clusterCIDR: 10.0.0.0', 'config.conf:3: clusterCIDR: "10.0.0.0" is no CIDR'],
  ['detectLocal: {bridgeInterface: a/b}', 'config.conf:3: detectLocal.bridgeInterface: "a/b" is no name'],
])('%j is refused', (yaml, expected) => {
  expect(() => parse(yaml)).toThrow(CliError);
  try {
    parse(yaml);
  } catch (error) {
    expect((error as CliError).details[0]).toContain(expected);
  }
});

test.each([
  '',
  'kind: KubeletConfiguration',
  'apiVersion: kubeproxy.config.k8s.io/v1beta1\nkind: KubeProxyConfiguration',
])('another document is refused: %j', (text) => {
  expect(() => parseKubeProxyConfig(text, 'config.conf')).toThrow(CliError);
});

test('docs/migrate-from-kube-proxy.md has the table of fields as it is here', () => {
  const rows = Object.entries(kubeProxyFields).map(([path, { here }]) => `| \`${path}\` | ${here} |`);
  expect(readFileSync('docs/migrate-from-kube-proxy.md', 'utf8')).toContain(rows.join('\n'));
});

describe('the text is read as kube-proxy reads it', () => {
  test.each(['no', 'Off', 'false'])('%s is a switch that is off', (word) => {
    const { settings } = parse(`featureGates: {AllowServiceExternalIPs: ${word}}\n`);
    expect(settings).toEqual(parse('featureGates: {AllowServiceExternalIPs: false}\n').settings);
  });

  test('the last of a repeated key counts', () => {
    const { facts } = parse('nodePortAddresses: [0.0.0.0/0]\nnodePortAddresses: [10.0.0.0/8]\n');
    expect(facts.node).toEqual(parse('nodePortAddresses: [10.0.0.0/8]\n').facts.node);
  });

  test('a line --- at the end begins nothing', () => {
    expect(parse('hostnameOverride: worker-1\n---\n').facts.node.nodeName).toBe('worker-1');
  });
});
