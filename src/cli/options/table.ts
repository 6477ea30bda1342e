import type { ListenAddress } from '../../observe/listening.ts';
import { LOCAL_MODES, type NodeConfig } from '../../sources/objects/node-config.ts';
import {
  type Reader,
  readChainPrefix,
  readChoice,
  readDuration,
  readExternalIPs,
  readFlag,
  readInterface,
  readInterfaceName,
  readKinds,
  readListenAddress,
  readNamespaces,
  readOnePerFamily,
  readPortRangeOption,
  readPortSpans,
  readPorts,
  readPrefixes,
  readSelector,
  readStateNode,
  readStateUri,
  readText,
  readWholeNumber,
  ValueError,
} from './readers.ts';

/** An option: syntax, help and reader. */
export interface Setting<Value> {
  /** The value's name in the help; null for a switch, which also takes `=true` and `=false`. */
  readonly placeholder: string | null;
  readonly help: string;
  readonly read: Reader<Value>;
  /** Heading in the help. */
  readonly group: string;
  readonly short?: string;
  /** `--no-NAME` exists and means false. */
  readonly negatable?: boolean;
}

const SOURCES = heading('Source and node:');
const PODS = heading('How pods are recognised, with the names of kube-proxy:');
const SERVICES = heading('Services:');
const CONNTRACK = heading(
  'Connection tracking, with the names of kube-proxy; 0 does not change a value (the default):',
);
const POD_NAT = heading('Pod NAT:');
const FLOWS = heading('Connections:');
const EGRESS = heading('Egress NAT:');
const CLUSTER = heading('Reports to the cluster:');
const HISTORY = heading('History:');
const STATE = heading('Published state:');
const SERVE = heading('HTTP:');
const RUN = heading('Running:');
const SHOW = heading('Output:');

/**
 * All options that a configuration file and the environment can set too: a key is the name in the file; `annotationKey`
 * is `--annotation-key` and `KNAT_ANNOTATION_KEY`. The options of this table affect the plan: every command that plans
 * has them.
 */
const planOptions = {
  source: SOURCES.value(
    'SOURCE',
    readSource,
    'where objects are read: kubernetes, the API server of a cluster; or dir:PATH, a folder of manifests',
  ),
  node: SOURCES.text(
    'NAME',
    'name of the node, as in spec.nodeName of Pods (default: nodeName of --node-config; then for the agent NODE_NAME or the host name, for explain the only Node of the source)',
  ),
  nodeConfig: SOURCES.text(
    'FILE',
    'YAML file with settings of the node that are in no manifest: nodeIPs, podCIDRs, serviceCIDRs, nodePortAddresses, masqueradeAll, topologyLabels … (docs/node-config.md)',
  ),
  enable: SOURCES.value(
    'KINDS',
    readKinds,
    'kinds of NAT, with commas: service, pod, egress (default: all three)',
  ),
  maxManifestMib: SOURCES.value(
    'NUMBER',
    readWholeNumber(1, 1024),
    'refuse manifest files larger than this many MiB (default: 32)',
  ),
  serviceNodePortRange: SOURCES.value(
    'PORTS',
    readPortRangeOption,
    'node ports that Services of a folder may have, as for kube-apiserver (default: 30000-32767)',
  ),
  kubeconfig: SOURCES.text(
    'FILE',
    "kubeconfig of the cluster (default: KUBECONFIG; then ~/.kube/config; then the pod's service account)",
  ),
  context: SOURCES.text('NAME', 'context of the kubeconfig (default: its current one)'),
  master: SOURCES.text(
    'URL',
    'address of the API server, instead of that in the kubeconfig or the pod: https://ADDRESS:PORT',
  ),
  kubeProxyConfig: SOURCES.text(
    'FILE',
    'KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) with values for options that are not set here or in --node-config; knat logs fields without effect',
  ),
  clusterCidr: PODS.value(
    'CIDRS',
    readPrefixes,
    'the pod networks of the cluster: sources in them are pods (default: podCIDRs of --node-config, else the pod CIDRs of the Node)',
  ),
  detectLocalMode: PODS.value(
    'MODE',
    readChoice(LOCAL_MODES),
    `how pods are recognised: ${LOCAL_MODES.join(', ')} (default: ClusterCIDR if pod CIDRs are configured, else the Node's pod CIDRs, IPPools and Pods)`,
  ),
  podBridgeInterface: PODS.value(
    'NAME',
    readInterfaceName,
    'with BridgeInterface: packets that enter by this bridge are from pods',
  ),
  podInterfaceNamePrefix: PODS.value(
    'PREFIX',
    readInterfaceName,
    'with InterfaceNamePrefix: packets that enter by interfaces with this prefix are from pods',
  ),
  externalIps: SERVICES.value(
    'WHICH',
    readExternalIPs,
    'externalIPs of Services that are served: all, none, or those in these networks, with commas (default: all)',
  ),
  maxSourceNetworksPerList: SERVICES.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the networks in one list of sources, loadBalancerSourceRanges or all allow of a Pod; adjacent networks are joined (default: 1024)',
  ),
  maxSourceNetworksPerNamespace: SERVICES.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the networks in the different lists of sources of a namespace (default: 2048)',
  ),
  maxSourceNetworksPerNode: SERVICES.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the networks in all different lists of sources (default: 4096)',
  ),
  annotationKey: POD_NAT.text('KEY', 'annotation of Pods that asks for Pod NAT (default: bln.space/podnat)'),
  restrictedPorts: POD_NAT.value(
    'PORTS',
    readPorts,
    'ports and ranges that no annotation may name (default: 22,53,6443)',
  ),
  includeFilterNetworks: POD_NAT.value(
    'CIDRS',
    readPrefixes,
    'networks ADDED to the filter: their addresses are never the public address of the node (inclfilternet of podnat-controller)',
  ),
  excludeFilterNetworks: POD_NAT.value(
    'CIDRS',
    readPrefixes,
    'networks REMOVED from the filter: their addresses may be the public address, even if private (exclfilternet of podnat-controller)',
  ),
  internalNetworks: POD_NAT.value(
    'CIDRS',
    readPrefixes,
    'destinations to which bound pods keep their own address, in addition to pools, service CIDRs and nodes (default: the private networks)',
  ),
  requireReady: POD_NAT.flagOn('bind a pod only while it is Ready (the default)'),
  podNatNamespaces: POD_NAT.value(
    'NAMES',
    readNamespaces,
    'namespaces whose pods may use Pod NAT; team-* matches a prefix (default: all, if there is no selector)',
  ),
  podNatNamespaceSelector: POD_NAT.value(
    'SELECTOR',
    readSelector,
    'namespaces with these labels may use Pod NAT too: key=value, key in (a,b), key, !key',
  ),
  podNatPorts: POD_NAT.value(
    'PORTS',
    readPortSpans,
    'ports of the node that pods may bind: 25,80,443,10000-19999 (default: all that are not reserved)',
  ),
  podNatAddresses: POD_NAT.value(
    'CIDRS',
    readPrefixes,
    'networks of the node addresses that pods may bind (default: all addresses of the node)',
  ),
  podNatTakeover: POD_NAT.flag(
    'allow "takeover": true in the annotation: a pod gets a port even if a program of the host listens there',
  ),
  podNatReservedPorts: POD_NAT.value(
    'PORTS',
    readPortSpans,
    'further ports that no pod may bind, in addition to those of the node and of Kubernetes',
  ),
  podNatUnreservedPorts: POD_NAT.value('PORTS', readPortSpans, 'reserved ports that pods may bind after all'),
  podNatMaxPortsPerPod: POD_NAT.value(
    'NUMBER',
    readWholeNumber(0, 65_535),
    'limit for the ports of one pod; each port of a range counts (default: no limit)',
  ),
  podNatMaxPortsPerNamespace: POD_NAT.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the ports of all pods of a namespace on one node (default: no limit)',
  ),
  podNatMaxEntriesPerNamespace: POD_NAT.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the ports and port ranges of all pods of a namespace on one node, counted for each address (default: 2048)',
  ),
  podNatMaxEntriesPerNode: POD_NAT.value(
    'NUMBER',
    readWholeNumber(0, 1_000_000),
    'limit for the ports and port ranges of all pods on one node, counted for each address (default: 4096)',
  ),
  natPortRange: EGRESS.value(
    'PORTS',
    readPortSpans,
    'source ports of translated TCP, UDP and SCTP, ranges with commas: 1024:29999,33000:65535 (default: natPortRange of FelixConfiguration; else 1024:65535)',
  ),
  natPortExclusions: EGRESS.flagOn(
    'exclude the ports of NodePorts, VXLAN and ip_local_reserved_ports from these ranges (the default)',
  ),
  natOutgoingAddress: EGRESS.value(
    'ADDRESSES',
    readOnePerFamily,
    'address with which packets of pools leave, at most one for each family, instead of masquerading (default: natOutgoingAddress of FelixConfiguration)',
  ),
  natOutgoingInterfaceFilter: EGRESS.value(
    'PATTERN',
    readInterface,
    'translate packets of pools only if they leave by this interface; a trailing + matches any rest: eth+ (default: iptablesNATOutgoingInterfaceFilter of FelixConfiguration; else any)',
  ),
  natOutgoingExclusions: EGRESS.value(
    'WHAT',
    readChoice(['IPPoolsOnly', 'IPPoolsAndHostIPs']),
    'exempt destinations: IPPoolsOnly, or IPPoolsAndHostIPs for the addresses of all nodes too (default: natOutgoingExclusions of FelixConfiguration; else IPPoolsOnly)',
  ),
  mostSpecificPoolWins: EGRESS.flag(
    'of nested pools the narrowest decides whether a source is translated (default: any pool with natOutgoing, as in Calico)',
  ),
  ipMasqAgentConfig: EGRESS.text(
    'FILE',
    'configuration file of ip-masq-agent, watched for changes: masquerade packets of pods, except to its networks; if it does not exist, except to the private networks',
  ),
  masqueradeHostTraffic: EGRESS.flag('with --ip-masq-agent-config: masquerade all sources, not only pods'),
} as const satisfies Record<string, Setting<unknown>>;

/** Further options of the agent. verify and cleanup have some of them. */
const agentOptions = {
  conntrackMaxPerCore: CONNTRACK.value(
    'NUMBER',
    readWholeNumber(0, 2 ** 31 - 1),
    'connections per CPU: raises the maximum to this, and the hash table to a quarter of it',
  ),
  conntrackMin: CONNTRACK.value(
    'NUMBER',
    readWholeNumber(0, 2 ** 31 - 1),
    'with --conntrack-max-per-core: at least this many in total',
  ),
  conntrackTcpTimeoutEstablished: CONNTRACK.value(
    'DURATION',
    readDuration,
    'forget established TCP connections without packets after this: 24h',
  ),
  conntrackTcpTimeoutCloseWait: CONNTRACK.value(
    'DURATION',
    readDuration,
    'forget TCP connections in CLOSE_WAIT after this: 1h',
  ),
  conntrackTcpBeLiberal: CONNTRACK.flag(
    'for asymmetric routing: also translate TCP segments outside their window, and accept invalid packets of pods (default: drop them)',
  ),
  conntrackUdpTimeout: CONNTRACK.value(
    'DURATION',
    readDuration,
    'forget UDP flows with packets in one direction after this: 30s',
  ),
  conntrackUdpTimeoutStream: CONNTRACK.value(
    'DURATION',
    readDuration,
    'forget UDP flows with packets in both directions after this: 120s',
  ),
  manageForward: POD_NAT.flagOn(
    'accept traffic of bindings in FORWARD chains of iptables that drop, by one marked rule (the default); --no-manage-forward only reports such chains',
  ),
  nodeStatus: CLUSTER.flagOn(
    'with a cluster as source: write the status into the NodeNAT object of the node (the default)',
  ),
  events: CLUSTER.flagOn(
    'with a cluster as source: send Events about what was programmed or refused (the default)',
  ),
  egressOnChange: FLOWS.value(
    'POLICY',
    readChoice(['keep', 'flush']),
    'existing connections when pools, rules or bindings change: keep leaves them alone, except those that never saw a reply; flush ends those affected (default: keep)',
  ),
  onEndpointGone: FLOWS.value(
    'POLICY',
    readChoice(['reset', 'keep']),
    'established TCP and SCTP connections to an endpoint that no slice lists any more, or to a binding of a Pod that is gone: reset tells both ends, keep leaves them alone, for networks in which a node that was cut off comes back with the same pods (default: reset)',
  ),
  attributionLog: FLOWS.text(
    'WHERE',
    'record which Pod used which address and port, for knat flows --who: memory, or a file (default: none)',
  ),
  attributionLogMib: FLOWS.value(
    'NUMBER',
    readWholeNumber(1, 65_536),
    'maximum size of the attribution log in MiB; then the oldest lines are deleted (default: 64)',
  ),
  historyDir: HISTORY.text(
    'FOLDER',
    'keep the history in this folder, for knat history and knat explain --at: what was in force, when and by whom (default: none)',
  ),
  historyMib: HISTORY.value(
    'NUMBER',
    readWholeNumber(4, 65_536),
    'maximum size of the history in MiB; then the oldest part is deleted (default: 64)',
  ),
  stateFlavor: STATE.value(
    'STORE',
    readChoice(['crd', 'configmap', 'webdav', 'none']),
    'where the bindings of Pod NAT are published: crd, the NodeNAT object; configmap or webdav, also there in the form of podnat-controller; none (default: crd)',
  ),
  stateUri: STATE.value(
    'URL',
    readStateUri,
    'with --state-flavor webdav: its URL, http or https, with NAME:PASSWORD@ before the host if needed (default: http://podnat-state-store:80)',
  ),
  stateNode: STATE.value(
    'NAME',
    readStateNode,
    'name of the published state: ConfigMap podnat-controller-NAME, folder NAME (default: the name of the node)',
  ),
  stateNamespace: STATE.text(
    'NAMESPACE',
    'with --state-flavor configmap: its namespace (default: NAMESPACE, then podnat-controller-system)',
  ),
  healthAddress: SERVE.value(
    'ADDRESS:PORT',
    readListenAddress,
    'serve only /livez, /readyz and /healthz here; empty: nowhere (default: 127.0.0.1:10256)',
  ),
  proxyHealthAddress: SERVE.value(
    'ADDRESS:PORT',
    readListenAddress,
    "serve them also on kube-proxy's health address, which load balancers use, as soon as kube-proxy releases it; empty: nowhere (default: with --replace-kube-proxy or --kube-proxy-config that address, if --health-address has another port)",
  ),
  httpAddress: SERVE.value(
    'ADDRESS:PORT',
    readListenAddress,
    'serve the API, /metrics and health paths here; clients outside this node need a bearer token of the cluster, except for health; empty: nowhere (default: 127.0.0.1:8484)',
  ),
  metricsAddress: SERVE.value(
    'ADDRESS:PORT',
    readListenAddress,
    'serve only /metrics here; empty: nowhere (default: 127.0.0.1:10249, as kube-proxy; without Service NAT: nowhere)',
  ),
  unauthenticatedMetrics: SERVE.flag(
    'let everyone who can reach --metrics-address read /metrics without a token, as kube-proxy does (default: clients outside this node need a token)',
  ),
  tlsCertFile: SERVE.text(
    'FILE',
    'PEM file with the certificate and its intermediate certificates, for --http-address and --metrics-address; read again when it changes (default: no TLS)',
  ),
  tlsPrivateKeyFile: SERVE.text('FILE', 'PEM file with the key of --tls-cert-file'),
  once: RUN.flag('program the kernel once, then end'),
  replaceKubeProxy: RUN.flag(
    'with Service NAT: remove the rules of kube-proxy once those of knat are in force',
  ),
  besideKubeProxy: RUN.value(
    'WHAT',
    readChoice(['refuse', 'leave']),
    'with Service NAT, without --replace-kube-proxy, where rules of kube-proxy are: refuse to run; or leave the Services to it while its rules are there (default: refuse)',
  ),
  replacePodnatController: RUN.flag(
    'with Pod NAT: remove the chains of podnat-controller once the rules of knat are in force (default: report them)',
  ),
  podnatPrefix: RUN.value(
    'PREFIX',
    readChainPrefix,
    'prefix of the chains of podnat-controller: PREFIX_FORWARD, PREFIX_PRE, PREFIX_POST (default: podnat)',
  ),
  dryRun: RUN.flag('print what would change in the kernel and end, without changing anything'),
  strict: RUN.flag('with --once or --dry-run: end with status 1 if any object has a problem'),
} as const satisfies Record<string, Setting<unknown>>;

const outputOptions = {
  logLevel: SHOW.value(
    'LEVEL',
    readChoice(['debug', 'info', 'warn', 'error']),
    'debug, info, warn or error (default: info); debug shows stack traces',
  ),
  logFormat: SHOW.value(
    'FORMAT',
    readChoice(['json', 'text']),
    'json or text (default: text on a terminal, else json)',
  ),
  output: {
    ...SHOW.value('FORM', readChoice(['table', 'json', 'yaml']), 'table, json or yaml (default: table)'),
    short: 'o',
  },
} as const satisfies Record<string, Setting<unknown>>;

export const settings = { ...planOptions, ...agentOptions, ...outputOptions };

export type SettingName = keyof typeof settings;

/** In the order of the help. */
export const PLAN_SETTINGS = Object.keys(planOptions) as readonly SettingName[];
export const AGENT_SETTINGS = Object.keys(agentOptions) as readonly SettingName[];

/** Unset options are absent. */
export type SettingValues = {
  readonly [Name in SettingName]?: ReturnType<(typeof settings)[Name]['read']>;
} & {
  /** Values of `kubeProxyConfig` that are no options; set once the file is read. */
  readonly kubeProxy?: KubeProxyFacts;
};

/** The named options that are set. */
export function given<Name extends SettingName>(
  values: SettingValues,
  ...names: readonly Name[]
): Pick<SettingValues, Name> {
  const set = names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]);
  return Object.fromEntries(set) as Pick<SettingValues, Name>;
}

/** Values of a KubeProxyConfiguration that are no options, and its fields without effect. */
export interface KubeProxyFacts {
  /** --node-config takes precedence over them. */
  readonly node: NodeConfig;
  /** One line each; it starts with the field. */
  readonly warnings: readonly string[];
  /** Where kube-proxy serves its health. */
  readonly healthAddress: ListenAddress | null;
}

/** `annotationKey` → `annotation-key`. */
export function longName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Makes options below one heading of the help. */
function heading(group: string) {
  const value = <Value>(placeholder: string, read: Reader<Value>, help: string): Setting<Value> => {
    return { placeholder, group, read, help };
  };
  const flag = (help: string): Setting<boolean> => ({ placeholder: null, group, read: readFlag, help });
  return {
    value,
    text: (placeholder: string, help: string) => value(placeholder, readText, help),
    /** Off by default. */
    flag,
    /** On by default, so it needs `--no-NAME`. */
    flagOn: (help: string): Setting<boolean> => ({ ...flag(help), negatable: true }),
  };
}

export type SourceName = { readonly kind: 'kubernetes' } | { readonly kind: 'dir'; readonly path: string };

export function readSource(value: unknown): SourceName {
  const text = readText(value);
  if (text === 'kubernetes') return { kind: 'kubernetes' };
  const match = /^dir:(.+)$/s.exec(text);
  if (match?.[1] !== undefined) return { kind: 'dir', path: match[1] };
  throw new ValueError(
    `"${text}" is no source: write kubernetes, or dir:PATH, a folder of manifests, such as dir:/etc/knat/manifests`,
  );
}
