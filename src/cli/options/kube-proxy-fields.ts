import { parseAddress } from '../../net/address.ts';
import { type Prefix, parseLoosePrefix } from '../../net/prefix.ts';
import {
  LOCAL_MODES,
  type NodeConfig,
  type NodePortRange,
  nodePortWord,
  primaryOrRanges,
} from '../../sources/objects/node-config.ts';
import { readInterfaceName, readListenAddress, ValueError } from './readers.ts';
import { longName, type SettingName, type SettingValues, settings } from './table.ts';

export interface KubeProxyEffects {
  settings: { -readonly [Name in keyof SettingValues]: SettingValues[Name] };
  node: { -readonly [Name in keyof NodeConfig]: NodeConfig[Name] };
  /** One line each, without the field. */
  warn(text: string): void;
}

/** `quantity` is a number of bytes such as `4Ki`. */
export type FieldType = 'text' | 'flag' | 'number' | 'duration' | 'texts' | 'flags' | 'quantity' | 'patterns';

export interface KubeProxyField {
  readonly type: FieldType;
  /** Its equivalent, or why there is none: for the table in docs/migrate-from-kube-proxy.md and for warnings. */
  readonly here: string;
  /** Throws ValueError. Absent: the field has no effect, and setting it causes a warning. */
  effect?(value: unknown, effects: KubeProxyEffects): void;
}

const PROFILING = 'no profiles are served';
const AT_ONCE = 'changes are programmed at once, foreign ones are mended at once';
const NO_MARKS = 'no packet marks are used';
const NOT_IPVS = 'there is no IPVS mode';
const WINDOWS = 'Linux only';
const ALPHA_LOGGING = 'the log goes to standard error, line by line';
const CLIENT = 'the client of the API server sees to that itself';

function ineffective(type: FieldType, here: string): KubeProxyField {
  return { type, here: `no effect: ${here}` };
}

/** A field with an equivalent option of knat, which reads its value. */
function option(type: FieldType, name: SettingName, note?: string): KubeProxyField {
  return {
    type,
    here: `\`--${longName(name)}\`${note === undefined ? '' : `; ${note}`}`,
    effect: (value, { settings: values }) => {
      Object.assign(values, { [name]: settings[name].read(value) });
    },
  };
}

/** kube-proxy's default ports for addresses without one. */
const HEALTH_PORT = 10256;
const METRICS_PORT = 10249;

/**
 * Every field of `kubeproxy.config.k8s.io/v1alpha1`, Kubernetes 1.37, and known later ones;
 * staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go, component-base/config/v1alpha1, component-base/logs/api/v1.
 * kube-proxy-config.ts handles what depends on several fields (`mode` and its defaults).
 */
export const kubeProxyFields: Readonly<Record<string, KubeProxyField>> = {
  featureGates: {
    type: 'flags',
    here: '`AllowServiceExternalIPs: false`: `--external-ips none`; no effect of others: there are no feature gates',
    effect: (gates: Readonly<Record<string, boolean>>, { settings, warn }) => {
      if (gates[EXTERNAL_IPS_GATE] === false) settings.externalIps = [];
      const others = Object.keys(gates).filter((gate) => gate !== EXTERNAL_IPS_GATE);
      if (others.length > 0) warn(`no effect: there is no feature gate ${others.join(', ')}`);
    },
  },
  'clientConnection.kubeconfig': option('text', 'kubeconfig'),
  'clientConnection.acceptContentTypes': ineffective('text', CLIENT),
  'clientConnection.contentType': ineffective('text', CLIENT),
  'clientConnection.qps': ineffective('number', CLIENT),
  'clientConnection.burst': ineffective('number', CLIENT),
  'logging.format': option('text', 'logFormat'),
  'logging.flushFrequency': ineffective('duration', 'log lines are written at once'),
  'logging.verbosity': {
    type: 'number',
    here: '`--log-level`: debug from 4 on, else info',
    effect: (verbosity: number, { settings }) => {
      settings.logLevel = verbosity >= 4 ? 'debug' : 'info';
    },
  },
  'logging.vmodule': ineffective('patterns', 'the level holds for the whole program'),
  'logging.options.text.splitStream': ineffective('flag', ALPHA_LOGGING),
  'logging.options.text.infoBufferSize': ineffective('quantity', ALPHA_LOGGING),
  'logging.options.json.splitStream': ineffective('flag', ALPHA_LOGGING),
  'logging.options.json.infoBufferSize': ineffective('quantity', ALPHA_LOGGING),
  hostnameOverride: {
    type: 'text',
    here: '`--node`, without white space around it and in lower case',
    effect: (text: string, { node }) => {
      const name = text.trim().toLowerCase();
      if (name === '') throw new ValueError('it is white space alone: name the node, or leave it away');
      node.nodeName = name;
    },
  },
  bindAddress: {
    type: 'text',
    here: 'the primary address of the node in its family (`nodeIPs` of `--node-config`); nothing for `0.0.0.0` and `::`',
    effect: (text: string, { node }) => {
      const address = parseAddress(text);
      if (address === null) throw new ValueError(`"${text}" is no IP address`);
      if (address !== '0.0.0.0' && address !== '::') node.bindAddress = address;
    },
  },
  healthzBindAddress: {
    type: 'text',
    here: "`--health-address`; empty: kube-proxy's `0.0.0.0:10256`, or `[::]:10256` where `bindAddress` is IPv6",
    effect: (text: string, { settings }) => {
      settings.healthAddress = readListenAddress(withPort(text, HEALTH_PORT));
    },
  },
  metricsBindAddress: {
    type: 'text',
    here: '`--metrics-address`; elsewhere than on this node a token is needed, unless `--unauthenticated-metrics` is set',
    effect: (text: string, { settings, warn }) => {
      const address = readListenAddress(withPort(text, METRICS_PORT));
      settings.metricsAddress = address;
      if (address !== null && !/^(127\.|::1$)/.test(address.host)) {
        warn(
          'who is not on this node needs a token of the cluster, other than at kube-proxy: see --unauthenticated-metrics',
        );
      }
    },
  },
  bindAddressHardFail: ineffective('flag', 'an address that is taken is tried again'),
  enableProfiling: ineffective('flag', PROFILING),
  showHiddenMetricsForVersion: ineffective('text', 'no metric is hidden'),
  mode: {
    type: 'text',
    here: 'nftables is what knat does; another mode only decides which defaults and which `masqueradeAll` hold',
    effect: (mode: string, { warn }) => {
      if (!['nftables', 'iptables', 'ipvs', 'kernelspace'].includes(mode)) {
        throw new ValueError(`"${mode}" is none of iptables, ipvs, nftables, kernelspace`);
      }
      if (mode !== 'nftables') warn(`${mode} is not what knat does: it programs nftables`);
    },
  },
  'iptables.masqueradeBit': ineffective('number', NO_MARKS),
  'iptables.masqueradeAll': {
    type: 'flag',
    here: '`masqueradeAll` of `--node-config`, unless `mode` is nftables',
  },
  'iptables.localhostNodePorts': ineffective('flag', 'NodePorts never answer on loopback'),
  'iptables.snatNodeInternalIP': ineffective(
    'flag',
    'a masqueraded source becomes the address of the interface that it leaves by',
  ),
  'iptables.syncPeriod': ineffective('duration', AT_ONCE),
  'iptables.minSyncPeriod': ineffective('duration', AT_ONCE),
  'ipvs.syncPeriod': ineffective('duration', NOT_IPVS),
  'ipvs.minSyncPeriod': ineffective('duration', NOT_IPVS),
  'ipvs.scheduler': ineffective('text', `${NOT_IPVS}: endpoints are drawn at random`),
  'ipvs.excludeCIDRs': ineffective('texts', NOT_IPVS),
  'ipvs.strictARP': ineffective('flag', NOT_IPVS),
  'ipvs.tcpTimeout': ineffective('duration', NOT_IPVS),
  'ipvs.tcpFinTimeout': ineffective('duration', NOT_IPVS),
  'ipvs.udpTimeout': ineffective('duration', NOT_IPVS),
  'nftables.masqueradeBit': ineffective('number', NO_MARKS),
  'nftables.masqueradeAll': {
    type: 'flag',
    here: '`masqueradeAll` of `--node-config`, where `mode` is nftables',
  },
  'nftables.syncPeriod': ineffective('duration', AT_ONCE),
  'nftables.minSyncPeriod': ineffective('duration', AT_ONCE),
  'winkernel.networkName': ineffective('text', WINDOWS),
  'winkernel.sourceVip': ineffective('text', WINDOWS),
  'winkernel.enableDSR': ineffective('flag', WINDOWS),
  'winkernel.rootHnsEndpointName': ineffective('text', WINDOWS),
  'winkernel.forwardHealthCheckVip': ineffective('flag', WINDOWS),
  detectLocalMode: {
    type: 'text',
    here: '`--detect-local-mode`; empty: by `clusterCIDR`, else by the pod CIDRs of the Node, IPPools and Pods. NodeCIDR: Pods of this node outside of its pod CIDRs count too',
    effect: (text: string, { node }) => {
      const mode = LOCAL_MODES.find((known) => known === text);
      if (mode === undefined) throw new ValueError(`"${text}" is none of ${LOCAL_MODES.join(', ')}`);
      node.detectLocalMode = mode;
    },
  },
  'detectLocal.bridgeInterface': {
    type: 'text',
    here: '`--pod-bridge-interface`',
    effect: (name: string, { node }) => {
      node.podBridgeInterface = readInterfaceName(name);
    },
  },
  'detectLocal.interfaceNamePrefix': {
    type: 'text',
    here: '`--pod-interface-name-prefix`',
    effect: (name: string, { node }) => {
      node.podInterfaceNamePrefix = readInterfaceName(name);
    },
  },
  clusterCIDR: {
    type: 'text',
    here: '`--cluster-cidr`',
    effect: (text: string, { node }) => {
      node.podCIDRs = text.split(',').map((one) => readRange(one.trim()));
    },
  },
  nodePortAddresses: {
    type: 'texts',
    here: '`nodePortAddresses` of `--node-config`, with `primary`, `localhost` and `all`; empty: the primary addresses where `mode` is nftables, else all; `localhost` adds no address, since NodePorts never answer on loopback',
    effect: (texts: readonly string[], { node, warn }) => {
      node.nodePortAddresses = nodePortRanges(texts, warn);
    },
  },
  oomScoreAdj: ineffective(
    'number',
    "the kubelet sets it: for the chart's priority class to about what kube-proxy has",
  ),
  'conntrack.maxPerCore': option('number', 'conntrackMaxPerCore', "null: kube-proxy's 32768"),
  'conntrack.min': option('number', 'conntrackMin', "null: kube-proxy's 131072"),
  'conntrack.tcpEstablishedTimeout': option(
    'duration',
    'conntrackTcpTimeoutEstablished',
    "null: kube-proxy's 24h",
  ),
  'conntrack.tcpCloseWaitTimeout': option(
    'duration',
    'conntrackTcpTimeoutCloseWait',
    "null: kube-proxy's 1h",
  ),
  'conntrack.tcpBeLiberal': option('flag', 'conntrackTcpBeLiberal'),
  'conntrack.udpTimeout': option('duration', 'conntrackUdpTimeout'),
  'conntrack.udpStreamTimeout': option('duration', 'conntrackUdpTimeoutStream'),
  configSyncPeriod: ineffective(
    'duration',
    'the API server is watched, and what a watch misses is listed anew',
  ),
  portRange: ineffective('text', 'kube-proxy does not use it either'),
  windowsRunAsService: ineffective('flag', WINDOWS),
};

/** Fields for which 0 or false does not mean unset. */
export const MEANINGFUL_ZEROS: ReadonlySet<string> = new Set([
  'conntrack.maxPerCore',
  'conntrack.min',
  'conntrack.tcpEstablishedTimeout',
  'conntrack.tcpCloseWaitTimeout',
]);

function nodePortRanges(
  texts: readonly string[],
  warn: (text: string) => void,
): readonly NodePortRange[] | null {
  if (texts.includes('localhost')) {
    const rest = texts.length === 1 ? '; with nothing else, they answer nowhere' : '';
    warn(`localhost has no effect: NodePorts never answer on loopback${rest}`);
  }
  return primaryOrRanges(texts.flatMap((text) => nodePortWord(text) ?? [readRange(text)]));
}

/** kube-proxy checks this gate before it reads `externalIPs`; other gates are irrelevant. */
const EXTERNAL_IPS_GATE = 'AllowServiceExternalIPs';

/** Clears host bits, as kube-proxy does. */
function readRange(text: string): Prefix {
  const range = parseLoosePrefix(text);
  if (range === null) throw new ValueError(`"${text}" is no CIDR: write ADDRESS/LENGTH`);
  return range;
}

function withPort(text: string, port: number): string {
  const address = parseAddress(text.replace(/^\[(.+)\]$/, '$1'));
  if (address === null) return text;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
