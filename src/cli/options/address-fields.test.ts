import { describe, expect, test } from 'vitest';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import { parseIpMasqAgentConfig } from '../../sources/ip-masq-agent/config.ts';
import { parseFact } from '../../sources/objects/fact-object.ts';
import { defaultPodNatOptions } from '../../sources/objects/metadata.ts';
import { parseNodeConfig } from '../../sources/objects/node-config-file.ts';
import { SharedValues } from '../../sources/objects/shared.ts';
import { parseKubeProxyConfig } from './kube-proxy-config.ts';
import { readListenAddress, readOnePerFamily, readPrefixes } from './readers.ts';

/** Every field of every object and file that holds an address or a prefix: all are read alike. */

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
type Kind = Parameters<typeof parseFact>[0];
type Json = Record<string, unknown>;

/** The fact as JSON text, prefixes written as people do. */
function factOf(kind: Kind, object: Json): string {
  const parsed = parseFact(kind, { metadata: { name: 'default' }, ...object }, context);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(parsed.warnings).toEqual([]);
  return written(parsed.fact);
}

function written(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (isPrefix(each) ? formatPrefix(each) : each));
}

function isPrefix(value: unknown): value is Prefix {
  return typeof value === 'object' && value !== null && 'family' in value && 'length' in value;
}

const slice = (address: string) => ({
  metadata: { name: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address] }],
});
const podNat = (entry: string) => ({
  metadata: {
    name: 'p',
    annotations: { 'bln.space/podnat': `{"entries":[{"srcPort":25,"dstPort":25,${entry}}]}` },
  },
});
const kubeProxy = (field: string) =>
  written(
    parseKubeProxyConfig(
      `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${field}\n`,
      'config.conf',
    ),
  );
const nodeConfig = (field: string) => {
  const result = parseNodeConfig(field, 'node.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return written(result.config);
};

const addressFields: Readonly<Record<string, (text: string) => string>> = {
  'Service clusterIP': (text) => factOf('Service', { spec: { clusterIP: text } }),
  'Service clusterIPs': (text) => factOf('Service', { spec: { clusterIPs: [text] } }),
  'Service externalIPs': (text) => factOf('Service', { spec: { externalIPs: [text] } }),
  'Service ingress': (text) => factOf('Service', { status: { loadBalancer: { ingress: [{ ip: text }] } } }),
  'EndpointSlice addresses': (text) => factOf('EndpointSlice', slice(text)),
  'Pod podIP': (text) => factOf('Pod', { status: { podIP: text } }),
  'Pod podIPs': (text) => factOf('Pod', { status: { podIPs: [{ ip: text }] } }),
  'Pod annotation srcIP': (text) => factOf('Pod', podNat(`"ifaceAuto":false,"srcIP":"${text}"`)),
  'Pod annotation allow': (text) => factOf('Pod', podNat(`"allow":["${text}"]`)),
  'Node InternalIP': (text) =>
    factOf('Node', { status: { addresses: [{ type: 'InternalIP', address: text }] } }),
  'Node ExternalIP': (text) =>
    factOf('Node', { status: { addresses: [{ type: 'ExternalIP', address: text }] } }),
  'Node Hostname': (text) => factOf('Node', { status: { addresses: [{ type: 'Hostname', address: text }] } }),
  'Node annotation of Calico': (text) =>
    factOf('Node', {
      metadata: { name: 'n', annotations: { 'projectcalico.org/IPv4Address': `${text}/24` } },
    }),
  'FelixConfiguration natOutgoingAddress': (text) =>
    factOf('FelixConfiguration', { spec: { natOutgoingAddress: text } }),
  'EgressRule addresses': (text) => factOf('EgressRule', { spec: { action: 'Snat', addresses: [text] } }),
  'node config nodeIP': (text) => nodeConfig(`nodeIP: "${text}"`),
  'node config nodeIPs': (text) => nodeConfig(`nodeIPs: ["${text}"]`),
  'node config localNodeIPs': (text) => nodeConfig(`localNodeIPs: ["${text}"]`),
  'kube-proxy bindAddress': (text) => kubeProxy(`bindAddress: "${text}"`),
  'kube-proxy healthzBindAddress': (text) => kubeProxy(`healthzBindAddress: "${text}"`),
  'kube-proxy metricsBindAddress': (text) => kubeProxy(`metricsBindAddress: "${text}"`),
  'option for addresses': (text) => written(readOnePerFamily(text)),
  'option to listen on': (text) =>
    written(readListenAddress(text.includes(':') ? `[${text}]:80` : `${text}:80`)),
};

const prefixFields: Readonly<Record<string, (text: string) => string>> = {
  'Service loadBalancerSourceRanges': (text) =>
    factOf('Service', { spec: { loadBalancerSourceRanges: [text] } }),
  'Pod annotation allow': (text) => factOf('Pod', podNat(`"allow":["${text}"]`)),
  'Node podCIDR': (text) => factOf('Node', { spec: { podCIDR: text } }),
  'Node podCIDRs': (text) => factOf('Node', { spec: { podCIDRs: [text] } }),
  'IPPool cidr': (text) => factOf('IPPool', { spec: { cidr: text } }),
  'EgressRule cidr': (text) => factOf('EgressRule', { spec: { action: 'Keep', to: [{ cidr: text }] } }),
  'node config podCIDRs': (text) => nodeConfig(`podCIDRs: ["${text}"]`),
  'node config serviceCIDRs': (text) => nodeConfig(`serviceCIDRs: ["${text}"]`),
  'node config nodePortAddresses': (text) => nodeConfig(`nodePortAddresses: ["${text}"]`),
  'kube-proxy clusterCIDR': (text) => kubeProxy(`clusterCIDR: "${text}"`),
  'kube-proxy nodePortAddresses': (text) => kubeProxy(`nodePortAddresses: ["${text}"]`),
  'ip-masq-agent nonMasqueradeCIDRs': (text) =>
    written(parseIpMasqAgentConfig(`nonMasqueradeCIDRs: ["${text}"]`, 'masq.yaml').config),
  'option for prefixes': (text) => written(readPrefixes(text)),
};

describe.each(Object.entries(addressFields))('%s', (_, read) => {
  test.each(['::ffff:192.0.2.1', '::FFFF:C000:201', '192.000.002.001'])('reads %s as 192.0.2.1', (text) => {
    expect(read(text)).toBe(read('192.0.2.1'));
    expect(read(text)).toContain('192.0.2.1');
  });
});

describe.each(Object.entries(prefixFields))('%s', (_, read) => {
  test.each(['::ffff:192.0.2.0/120', '::ffff:c000:200/120', '192.000.002.000/24', '192.0.2.0/024'])(
    'reads %s as 192.0.2.0/24',
    (text) => {
      expect(read(text)).toBe(read('192.0.2.0/24'));
      expect(read(text)).toContain('192.0.2.0/24');
    },
  );
});
