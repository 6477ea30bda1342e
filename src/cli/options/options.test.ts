import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { formatPrefix } from '../../net/prefix.ts';
import { CliError } from '../cli-error.ts';
import { addSettings, applyConfig, environmentName } from './commander.ts';
import { parseConfig } from './config-file.ts';
import { type SettingName, type SettingValues, settings } from './table.ts';

const names = Object.keys(settings) as SettingName[];

afterEach(() => vi.unstubAllEnvs());

function parse(args: readonly string[], config = ''): SettingValues {
  const command = new Command()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action(() => {});
  addSettings(command, names);
  command.parse(args, { from: 'user' });
  applyConfig(command, parseConfig(config, 'knat.yaml'));
  return command.opts();
}

/** Two texts with different values for each option. */
const samples: Record<SettingName, readonly [string, string, string]> = {
  source: ['dir:a', 'kubernetes', 'dir:c'],
  node: ['a', 'b', 'c'],
  nodeConfig: ['a', 'b', 'c'],
  enable: ['pod', 'egress', 'service,pod'],
  besideKubeProxy: ['leave', 'refuse', 'leave'],
  maxManifestMib: ['1', '2', '3'],
  serviceNodePortRange: ['80-32767', '30000:31000', '8080'],
  kubeconfig: ['a', 'b', 'c'],
  context: ['a', 'b', 'c'],
  master: ['https://a', 'https://b', 'https://c'],
  kubeProxyConfig: ['a', 'b', 'c'],
  clusterCidr: ['10.0.0.0/8', 'fd00::/8', '10.0.0.0/8,fd00::/8'],
  detectLocalMode: ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface'],
  podBridgeInterface: ['cni0', 'cbr0', 'br0'],
  podInterfaceNamePrefix: ['cali', 'veth', 'lxc'],
  maxSourceNetworksPerList: ['1', '0', '100000'],
  maxSourceNetworksPerNamespace: ['1', '0', '100000'],
  maxSourceNetworksPerNode: ['1', '0', '100000'],
  externalIps: ['all', 'none', '203.0.113.0/24,198.51.100.7'],
  conntrackMaxPerCore: ['1', '2', '0'],
  conntrackMin: ['1', '2', '0'],
  conntrackTcpTimeoutEstablished: ['24h', '1h30m', '0'],
  conntrackTcpTimeoutCloseWait: ['1h', '1.5s', '0s'],
  conntrackTcpBeLiberal: ['true', 'false', 'true'],
  conntrackUdpTimeout: ['30s', '1m', '0'],
  conntrackUdpTimeoutStream: ['120s', '2m1s', '0'],
  annotationKey: ['a', 'b', 'c'],
  restrictedPorts: ['22', '23', '24,100-200'],
  includeFilterNetworks: ['10.0.0.0/8', 'fd00::/8', ''],
  excludeFilterNetworks: ['10.0.0.0/8', 'fd00::/8', ''],
  internalNetworks: ['10.0.0.0/8', 'fd00::/8', ''],
  requireReady: ['true', 'false', 'true'],
  podNatNamespaces: ['mail', 'shop,team-*', ''],
  podNatNamespaceSelector: ['a=b', 'team in (a,b),!c', 'a'],
  podNatPorts: ['25', '80,443', '1024-2047'],
  podNatAddresses: ['203.0.113.0/24', '2001:db8::/32', ''],
  podNatTakeover: ['true', 'false', 'true'],
  podNatReservedPorts: ['25', '80,443', '1024-2047'],
  podNatUnreservedPorts: ['9100', '30000-30100', '179'],
  podNatMaxPortsPerPod: ['1', '0', '100'],
  podNatMaxPortsPerNamespace: ['1', '0', '100000'],
  podNatMaxEntriesPerNamespace: ['1', '0', '100000'],
  podNatMaxEntriesPerNode: ['1', '0', '100000'],
  natPortRange: ['1024:2000', '3000-4000', '1024:2000,3000:4000'],
  natPortExclusions: ['true', 'false', 'true'],
  natOutgoingAddress: ['203.0.113.7', '2001:db8::7', '203.0.113.7,2001:db8::7'],
  natOutgoingInterfaceFilter: ['eth0', 'eth+', 'bond0.7'],
  natOutgoingExclusions: ['IPPoolsOnly', 'IPPoolsAndHostIPs', 'IPPoolsOnly'],
  mostSpecificPoolWins: ['true', 'false', 'true'],
  ipMasqAgentConfig: ['a', 'b', 'c'],
  masqueradeHostTraffic: ['true', 'false', 'true'],
  manageForward: ['true', 'false', 'true'],
  nodeStatus: ['true', 'false', 'true'],
  events: ['true', 'false', 'true'],
  stateFlavor: ['configmap', 'webdav', 'none'],
  stateUri: ['http://a', 'https://b:81/x', 'http://u:p@c'],
  stateNode: ['a', 'b.c', 'd'],
  stateNamespace: ['a', 'b', 'c'],
  replacePodnatController: ['true', 'false', 'true'],
  podnatPrefix: ['a', 'B_c', 'd'],
  egressOnChange: ['keep', 'flush', 'keep'],
  onEndpointGone: ['keep', 'reset', 'keep'],
  attributionLog: ['memory', '/var/lib/knat/attribution', 'memory'],
  attributionLogMib: ['1', '2', '3'],
  historyDir: ['/var/lib/knat/history', 'a', 'b'],
  historyMib: ['4', '64', '256'],
  healthAddress: ['127.0.0.1:1', '[::]:2', ''],
  proxyHealthAddress: ['127.0.0.1:1', '[::1]:2', ''],
  httpAddress: ['127.0.0.1:1', '[::]:2', ''],
  metricsAddress: ['127.0.0.1:1', '[::]:2', ''],
  unauthenticatedMetrics: ['true', 'false', 'true'],
  tlsCertFile: ['a', 'b', 'c'],
  tlsPrivateKeyFile: ['a', 'b', 'c'],
  once: ['true', 'false', 'true'],
  replaceKubeProxy: ['true', 'false', 'true'],
  dryRun: ['true', 'false', 'true'],
  strict: ['true', 'false', 'true'],
  logLevel: ['debug', 'info', 'error'],
  logFormat: ['text', 'json', 'text'],
  output: ['json', 'yaml', 'table'],
};

test.each(names)('--%s: the command line, then the environment, then the file', (name) => {
  const { read } = settings[name];
  const [flag, environment, file] = samples[name];
  const config = `${name}: "${file}"`;
  expect(parse([], config)[name]).toEqual(read(file));
  vi.stubEnv(environmentName(name), environment);
  expect(parse([], config)[name]).toEqual(read(environment));
  const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${flag}`;
  expect(parse([option], config)[name]).toEqual(read(flag));
});

test.each(['healthAddress', 'httpAddress', 'metricsAddress'] as const)(
  '%s: empty means nowhere, wherever it is written',
  (name) => {
    const option = `--${name.replace('A', '-a')}`;
    const config = `${name}: 127.0.0.1:3`;
    expect(parse([`${option}=`], config)).toEqual({ [name]: null });
    expect(parse([option, ''], config)).toEqual({ [name]: null });
    for (const nothing of ['', ' ""', ' null'])
      expect(parse([], `${name}:${nothing}`)).toEqual({ [name]: null });
    expect(parse([`${option}=`, `${option}=[::1]:2`])).toEqual({ [name]: { host: '::1', port: 2 } });
    vi.stubEnv(environmentName(name), '');
    expect(parse([], config)).toEqual({ [name]: null });
    expect(parse([`${option}=127.0.0.1:1`])).toEqual({ [name]: { host: '127.0.0.1', port: 1 } });
    for (const bad of [
      ':1',
      '127.0.0.1',
      '127.0.0.1:',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      'localhost:1',
      '::1:1',
      ' ',
    ]) {
      expect(() => parse([`${option}=${bad}`]), bad).toThrow('is no ADDRESS:PORT');
    }
  },
);

test('an option without a value is absent', () => {
  expect(parse([])).toEqual({});
});

test('switches', () => {
  expect(parse(['--once', '--no-require-ready'])).toEqual({ once: true, requireReady: false });
  vi.stubEnv('KNAT_ONCE', 'false');
  vi.stubEnv('KNAT_DRY_RUN', '1');
  expect(parse([], 'requireReady: false')).toEqual({ once: false, dryRun: true, requireReady: false });
});

test.each([
  [['--enable', 'service,pods'], '"pods" is none of service, pod, egress; did you mean pod?'],
  [['--enable', ''], 'name at least one'],
  [['--source', 'kube'], '"kube" is no source: write kubernetes, or dir:PATH'],
  [['--source', 'dir:'], 'is no source'],
  [['--internal-networks', '10.0.0.1/8'], '"10.0.0.1/8" has bits set behind its length: write 10.0.0.0/8'],
  [['--internal-networks', '10.0.0.0'], 'is no CIDR'],
  [['--restricted-ports', '22,70000'], '"70000" is neither a port'],
  [['--restricted-ports', '30-20'], 'runs backwards'],
  [['--max-manifest-mib', '0'], '"0" is no whole number from 1 to 1024'],
  [['--nat-port-range', '2000:1000'], 'runs backwards'],
  [['--nat-port-range', '0:70000'], 'is neither a port'],
  [['--nat-port-range', ''], 'name at least one range'],
  [['--nat-outgoing-address', '10.0.0.1,10.0.0.2'], 'one address of each family at most'],
  [['--nat-outgoing-address', '10.0.0'], '"10.0.0" is no IPv4 or IPv6 address'],
  [['--nat-outgoing-interface-filter', 'eth*'], '"eth*" is no name of an interface'],
  [['--nat-outgoing-interface-filter', 'a234567890123456'], 'is no name of an interface'],
  [['--state-flavor', 'etcd'], '"etcd" is none of crd, configmap, webdav, none'],
  [['--state-uri', 'ftp://a'], 'it is no URL'],
  [['--state-node', 'a/../b'], 'is no name of a node'],
  [['--podnat-prefix', 'a-name-that-is-far-too-long'], 'is no prefix of chains'],
  [['--log-level', 'trace'], 'is none of debug, info, warn, error'],
  [['--once=perhaps'], 'is neither true nor false'],
  [['--node', ''], 'the value is empty'],
])('%j is refused', (args, message) => {
  expect(() => parse(args)).toThrow(message);
});

test('a value of the environment that is refused names the variable', () => {
  vi.stubEnv('KNAT_ENABLE', 'nothing');
  expect(() => parse([])).toThrow("from env 'KNAT_ENABLE' is invalid");
});

test('lists in the file', () => {
  const { restrictedPorts, internalNetworks } = parse(
    [],
    'restrictedPorts: [22, 100-200]\ninternalNetworks:\n- 10.0.0.0/8\n- fd00::/8\n',
  );
  expect(restrictedPorts).toBe('22,100-200');
  expect(internalNetworks?.map(formatPrefix)).toEqual(['10.0.0.0/8', 'fd00::/8']);
});

test.each([
  [
    'logLevel: info\nenable: [pod, egres]\n',
    ['knat.yaml:2: enable: "egres" is none of service, pod, egress; did you mean egress?'],
  ],
  [
    'nodes: a\nlog-level: info\n',
    [
      'knat.yaml:1: nodes: unknown key: did you mean node?',
      'knat.yaml:2: log-level: unknown key: did you mean logLevel?',
    ],
  ],
  ['zebra: 1\n', ['knat.yaml:1: zebra: unknown key: knat agent --help lists the options']],
  ['node: 5\n', ['knat.yaml:1: node: 5 is no text']],
  ['node:\n', ['knat.yaml:1: node: null is no text']],
  ['- node\n', ['knat.yaml:1: the file is no mapping of options']],
  ['node: [\n', [expect.stringMatching(/^knat\.yaml:\d: no valid YAML: /)]],
  ['node: a\n---\nnode: b\n', ['knat.yaml:3: only one document is read: remove the others']],
])('the file %j', (text, details) => {
  try {
    parseConfig(text, 'knat.yaml');
    expect.fail('taken');
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
    expect((error as CliError).details).toEqual(details);
  }
});

test.each(['', '# nothing\n', '{}', '{"node": "a"}'])('the file %j is fine', (text) => {
  expect(() => parseConfig(text, 'knat.json')).not.toThrow();
});
