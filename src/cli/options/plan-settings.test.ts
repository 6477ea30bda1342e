import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planOnce } from '../../agent/offline.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { canonicalPlan } from '../../plan/canonical.ts';
import { parseKubeProxyConfig } from './kube-proxy-config.ts';
import { planSettings } from './plan-settings.ts';
import { type SettingName, type SettingValues, settings } from './table.ts';

/** Every option is tried for its effect on a plan: what it is for, not where it is stored. */

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  writeFileSync(join(folder, 'objects.yaml'), OBJECTS);
  writeFileSync(join(folder, 'node.config'), 'nodeName: other\nserviceCIDRs: [10.96.0.0/12]\n');
});

afterEach(() => rmSync(folder, { recursive: true }));

const OBJECTS = `
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 10.0.0.1}, {type: ExternalIP, address: 203.0.113.1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10], ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: mail
  annotations:
    bln.space/podnat: '{"entries":[{"srcPort":25,"dstPort":25}]}'
    example.com/nat: '{"entries":[{"srcPort":26,"dstPort":26}]}'
spec: {nodeName: n1}
status: {podIPs: [{ip: 10.244.1.7}], conditions: [{type: Ready, status: "READY"}]}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: inner}
spec: {cidr: 10.244.192.0/18}
`;

async function planKeys(values: Partial<Record<SettingName, string>>, ready = true): Promise<string[]> {
  writeFileSync(join(folder, 'objects.yaml'), OBJECTS.replace('READY', ready ? 'True' : 'False'));
  const read = Object.entries(values).map(([name, text]) => [name, settings[name as SettingName].read(text)]);
  const asked = await planSettings({
    source: { kind: 'dir', path: folder },
    ...(Object.fromEntries(read) as SettingValues),
  });
  const { planner, problems } = await planOnce(asked, null, new AbortController().signal);
  const scope = canonicalPlan(planner.plan).find((entry) => entry.kind === 'FamilyScope'); // of IPv4
  return [
    `node ${planner.node.nodeName}`,
    // A port that is kept for a pod has the key of its binding.
    ...[...planner.plan.entries()].flatMap(({ kind, key }) => (kind === 'PodReservation' ? [] : [key])),
    ...problems.map(({ code }) => code),
    ...[...planner.plan.notices()].map(({ code }) => code),
    `internal ${JSON.stringify(scope?.podNatInternal)}`,
    `service CIDRs ${JSON.stringify(scope?.serviceCIDRs)}`,
    `egress ${JSON.stringify(scope?.egressSources)}`,
    `exempt ${JSON.stringify(scope?.egressExempt)}`,
    `ports ${JSON.stringify(scope?.egressPorts)}`,
    `leaves as ${scope?.egressAddress}`,
    `out of ${scope?.egressInterfaceFilter}`,
  ];
}

const BINDING = '203.0.113.1:25/TCP';

test('the defaults', async () => {
  const keys = await planKeys({});
  expect(keys).toContain('node n1');
  expect(keys).toContain(BINDING);
  expect(keys).toContain('10.96.0.10:80/TCP');
  expect(keys).toContain('egress ["10.244.0.0/16"]');
});

test.each<[Partial<Record<SettingName, string>>, string[], string[]]>([
  [{ enable: 'service' }, ['10.96.0.10:80/TCP', 'egress []'], [BINDING]],
  [{ enable: 'pod' }, [BINDING, 'egress []'], ['10.96.0.10:80/TCP']],
  [{ enable: 'egress' }, ['egress ["10.244.0.0/16"]'], [BINDING, '10.96.0.10:80/TCP']],
  [{ node: 'n2' }, ['node n2'], [BINDING]],
  [{ annotationKey: 'example.com/nat' }, ['203.0.113.1:26/TCP'], [BINDING]],
  [{ restrictedPorts: '25' }, ['NatRestricted'], [BINDING]],
  [{ podNatNamespaces: 'nobody' }, ['NatRestricted'], [BINDING]],
  [{ podNatNamespaceSelector: 'pod-nat=allowed' }, ['NatRestricted'], [BINDING]],
  [{ podNatPorts: '26-65535' }, ['NatRestricted'], [BINDING]],
  [{ podNatAddresses: '192.0.2.0/24' }, ['NatRestricted'], [BINDING]],
  [{ podNatReservedPorts: '25' }, ['NatRestricted'], [BINDING]],
  [{ podNatReservedPorts: '25', podNatUnreservedPorts: '25' }, [BINDING], ['NatRestricted']],
  [{ metricsAddress: '127.0.0.1:25' }, ['NatRestricted'], [BINDING]],
  [{ podNatMaxPortsPerPod: '0' }, ['NatRestricted'], [BINDING]],
  [{ podNatMaxPortsPerNamespace: '0' }, ['NatRestricted'], [BINDING]],
  [{ podNatMaxEntriesPerNamespace: '0' }, ['NatRestricted'], [BINDING]],
  [{ podNatMaxEntriesPerNode: '0' }, ['NatRestricted'], [BINDING]],
  [{ includeFilterNetworks: '203.0.113.0/24' }, ['NatNoPublicAddress'], [BINDING]],
  [
    { includeFilterNetworks: '203.0.113.0/24', excludeFilterNetworks: '10.0.0.0/24' },
    ['10.0.0.1:25/TCP'],
    [BINDING],
  ],
  [
    { internalNetworks: '198.51.100.0/24' },
    ['internal ["10.0.0.1","10.244.0.0/16","198.51.100.0/24","203.0.113.1"]'],
    [],
  ],
  [{ natPortRange: '1024:65535' }, ['ports ["1024-4788","4790-29999","32768-65535"]'], []],
  [{ natPortRange: '1024:65535', natPortExclusions: 'false' }, ['ports ["1024-65535"]'], []],
  [{ natOutgoingAddress: '203.0.113.1' }, ['leaves as 203.0.113.1'], []],
  [{ natOutgoingAddress: '203.0.113.2' }, ['leaves as null', 'NatAddressNotLocal'], []],
  [{ natOutgoingInterfaceFilter: 'eth+' }, ['out of eth+'], []],
  [{ natOutgoingExclusions: 'IPPoolsAndHostIPs' }, ['exempt ["10.0.0.1","10.244.0.0/16","203.0.113.1"]'], []],
  [{ natOutgoingExclusions: 'IPPoolsOnly' }, ['exempt ["10.244.0.0/16"]'], []],
  [{ mostSpecificPoolWins: 'true' }, ['egress ["10.244.0.0-10.244.191.255"]'], []],
  [{ mostSpecificPoolWins: 'false' }, ['egress ["10.244.0.0/16"]', 'NatPoolOverridden'], []],
  [
    { ipMasqAgentConfig: '/does/not/exist' },
    ['exempt ["10.0.0.0/8","169.254.0.0/16","172.16.0.0/12","192.168.0.0/16"]'],
    [],
  ],
  [{ ipMasqAgentConfig: '/does/not/exist', masqueradeHostTraffic: 'true' }, ['egress ["0.0.0.0/0"]'], []],
])('%j', async (values, present, absent) => {
  const keys = await planKeys(values);
  for (const key of present) expect(keys).toContain(key);
  for (const key of absent) expect(keys).not.toContain(key);
});

test('requireReady', async () => {
  expect(await planKeys({}, false)).not.toContain(BINDING);
  expect(await planKeys({ requireReady: 'true' }, false)).not.toContain(BINDING);
  expect(await planKeys({ requireReady: 'false' }, false)).toContain(BINDING);
});

test('the node configuration, and its node name after --node', async () => {
  const nodeConfig = join(folder, 'node.config');
  expect(await planKeys({ nodeConfig })).toEqual(
    expect.arrayContaining(['node other', 'service CIDRs ["10.96.0.0/12"]']),
  );
  expect(await planKeys({ nodeConfig, node: 'n1' })).toContain('node n1');
});

test('maxManifestMib', async () => {
  writeFileSync(join(folder, 'big.yaml'), `# ${'x'.repeat(2 ** 21)}\n`);
  expect(await planKeys({ maxManifestMib: '3' })).not.toContain('KNAT_MANIFEST_TOO_LARGE');
  expect(await planKeys({ maxManifestMib: '1' })).toContain('KNAT_MANIFEST_TOO_LARGE');
});

test.each<[SettingValues, string]>([
  [{}, 'no source is named'],
  [{ source: { kind: 'kubernetes' } }, 'a cluster has many nodes: name one with --node'],
  [{ source: { kind: 'dir', path: '/' }, nodeConfig: '/does/not/exist' }, '/does/not/exist does not exist'],
])('%j is refused', async (values, message) => {
  await expect(planSettings(values)).rejects.toThrow(message);
});

test('the errors of a node configuration are named with their lines', async () => {
  const nodeConfig = join(folder, 'broken.config');
  writeFileSync(nodeConfig, 'nodeIPs: 192.0.2.1\nserviceCIDR: 10.96.0.0/12\n');
  await expect(planSettings({ source: { kind: 'dir', path: folder }, nodeConfig })).rejects.toMatchObject({
    details: [
      expect.stringContaining('broken.config:2: serviceCIDR: unknown key: did you mean serviceCIDRs?'),
    ],
  });
});

test.each<[SettingValues, string]>([
  [{ detectLocalMode: 'BridgeInterface' }, '--pod-bridge-interface'],
  [{ detectLocalMode: 'InterfaceNamePrefix' }, '--pod-interface-name-prefix'],
  [{ detectLocalMode: 'ClusterCIDR' }, '--cluster-cidr'],
])('%j alone tells no pod, and is refused', async (values, missing) => {
  await expect(planSettings({ ...values, source: { kind: 'dir', path: folder } })).rejects.toThrow(missing);
});

test('facts of the node: an option, then --node-config, then the configuration of kube-proxy', async () => {
  const nodeConfig = join(folder, 'node.config');
  writeFileSync(nodeConfig, 'podCIDRs: [10.2.0.0/16]\nmasqueradeAll: false\n');
  const { facts } = parseKubeProxyConfig(
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nhostnameOverride: n3\nclusterCIDR: 10.3.0.0/16\niptables: {masqueradeAll: true}\nportRange: 1-2\n',
    'kube-proxy.conf',
  );
  const warnings: string[] = [];
  const asked = async (values: SettingValues) => {
    const use = { warn: (line: string) => warnings.push(line) };
    const { nodeConfig, nodeName } = await planSettings(
      { source: { kind: 'dir', path: folder }, ...values },
      use,
    );
    return [nodeConfig.podCIDRs?.map(formatPrefix), nodeConfig.masqueradeAll, nodeName];
  };
  const given = { kubeProxy: facts, kubeProxyConfig: 'kube-proxy.conf' };
  expect(await asked(given)).toEqual([['10.3.0.0/16'], true, 'n3']);
  expect(warnings).toEqual([
    expect.stringMatching(/^kube-proxy.conf: portRange: .*\(KNAT_KUBE_PROXY_FIELD\)$/),
  ]);
  expect(await asked({ ...given, nodeConfig })).toEqual([['10.2.0.0/16'], false, 'n3']);
  const clusterCidr = settings.clusterCidr.read('10.1.0.0/16');
  expect(await asked({ ...given, nodeConfig, clusterCidr, node: 'n1' })).toEqual([
    ['10.1.0.0/16'],
    false,
    'n1',
  ]);
});

test('be_liberal: packets of pods are not dropped', async () => {
  const asked = (values: SettingValues) => planSettings({ source: { kind: 'dir', path: folder }, ...values });
  expect((await asked({})).plan.dropInvalid).toBe(true);
  expect((await asked({ conntrackTcpBeLiberal: true })).plan.dropInvalid).toBe(false);
});
