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

/** One option: how it is written, what it does, and how its value is read. */
export interface Setting<Value> {
  /** What stands for the value in the help; null for a switch, which takes `=true` and `=false` too. */
  readonly placeholder: string | null;
  readonly help: string;
  readonly read: Reader<Value>;
  /** Heading in the help that it stands under. */
  readonly group: string;
  readonly short?: string;
  /** `--no-NAME` exists too, and means false. */
  readonly negatable?: boolean;
}

const SOURCES = 'What to work on:';
const PODS = 'What is a pod, by the names of kube-proxy:';
const SERVICES = 'Services:';
const CONNTRACK = 'Connection tracking, by the names of kube-proxy; 0 leaves a value as it is (the default):';
const POD_NAT = 'Pod NAT:';
const FLOWS = 'Connections:';
const EGRESS = 'Egress NAT:';
const CLUSTER = 'What to tell the cluster:';
const STATE = 'Where to publish state:';
const SERVE = 'What to show over HTTP:';
const RUN = 'How to run:';
const SHOW = 'What to print:';

/**
 * Every option that can also stand in a configuration file and in the environment: the key is the name in the file;
 * `annotationKey` is `--annotation-key` and `KNAT_ANNOTATION_KEY`.
 */
export const settings = {
  source: setting(
    'SOURCE',
    SOURCES,
    readSource,
    'where the objects come from: kubernetes, the API server of a cluster; dir:PATH, a folder of manifests',
  ),
  node: setting(
    'NAME',
    SOURCES,
    readText,
    'the node whose NAT it is, as spec.nodeName of Pods names it (default: nodeName of --node-config; then for the agent NODE_NAME or the host name, for explain the only Node of the source)',
  ),
  nodeConfig: setting(
    'FILE',
    SOURCES,
    readText,
    'YAML file with facts of the node that no manifest gives: nodeIPs, podCIDRs, serviceCIDRs, nodePortAddresses, masqueradeAll, topologyLabels',
  ),
  enable: setting(
    'KINDS',
    SOURCES,
    readKinds,
    'kinds of NAT, with commas: service, pod, egress (default: all three)',
  ),
  maxManifestMib: setting(
    'NUMBER',
    SOURCES,
    readWholeNumber(1, 1024),
    'refuse manifest files larger than this many MiB (default: 32)',
  ),
  serviceNodePortRange: setting(
    'PORTS',
    SOURCES,
    readPortRangeOption,
    'node ports that Services of a folder may have, as kube-apiserver has it (default: 30000-32767)',
  ),
  kubeconfig: setting(
    'FILE',
    SOURCES,
    readText,
    "kubeconfig of the cluster (default: KUBECONFIG; then ~/.kube/config; then the pod's service account)",
  ),
  context: setting('NAME', SOURCES, readText, 'context of the kubeconfig (default: its current one)'),
  master: setting(
    'URL',
    SOURCES,
    readText,
    'address of the API server, instead of the one that the kubeconfig or the pod names: https://ADDRESS:PORT',
  ),
  kubeProxyConfig: setting(
    'FILE',
    SOURCES,
    readText,
    'KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) that says what these options and --node-config do not; fields without effect are named',
  ),
  clusterCidr: setting(
    'CIDRS',
    PODS,
    readPrefixes,
    'the pod networks of the cluster: sources in them are pods (default: podCIDRs of --node-config, else the pod CIDRs of the Node)',
  ),
  detectLocalMode: setting(
    'MODE',
    PODS,
    readChoice(LOCAL_MODES),
    `what tells a pod: ${LOCAL_MODES.join(', ')} (default: ClusterCIDR where pod CIDRs are configured, else those of the Node, IPPools and Pods)`,
  ),
  podBridgeInterface: setting(
    'NAME',
    PODS,
    readInterfaceName,
    'with BridgeInterface: packets that come in by this bridge are from pods',
  ),
  podInterfaceNamePrefix: setting(
    'PREFIX',
    PODS,
    readInterfaceName,
    'with InterfaceNamePrefix: packets that come in by interfaces whose name begins so are from pods',
  ),
  externalIps: setting(
    'WHICH',
    SERVICES,
    readExternalIPs,
    'which externalIPs of Services are served: all, none, or those in these networks, with commas (default: all)',
  ),
  maxSourceNetworksPerList: setting(
    'NUMBER',
    SERVICES,
    readWholeNumber(0, 1_000_000),
    'networks in one list of sources, loadBalancerSourceRanges or all allow of a Pod, neighbours joined (default: 1024)',
  ),
  maxSourceNetworksPerNamespace: setting(
    'NUMBER',
    SERVICES,
    readWholeNumber(0, 1_000_000),
    'networks in the different lists of sources of a namespace (default: 2048)',
  ),
  maxSourceNetworksPerNode: setting(
    'NUMBER',
    SERVICES,
    readWholeNumber(0, 1_000_000),
    'networks in all different lists of sources (default: 4096)',
  ),
  conntrackMaxPerCore: setting(
    'NUMBER',
    CONNTRACK,
    readWholeNumber(0, 2 ** 31 - 1),
    'connections for each CPU: the maximum is raised to that, and the hash table to a quarter of it',
  ),
  conntrackMin: setting(
    'NUMBER',
    CONNTRACK,
    readWholeNumber(0, 2 ** 31 - 1),
    'with --conntrack-max-per-core: at least so many in all',
  ),
  conntrackTcpTimeoutEstablished: setting(
    'DURATION',
    CONNTRACK,
    readDuration,
    'forget established TCP connections without packets after this: 24h',
  ),
  conntrackTcpTimeoutCloseWait: setting(
    'DURATION',
    CONNTRACK,
    readDuration,
    'forget TCP connections in CLOSE_WAIT after this: 1h',
  ),
  conntrackTcpBeLiberal: setting(
    null,
    CONNTRACK,
    readFlag,
    'translate TCP segments out of their window too, and let packets of pods pass that cannot be placed: for asymmetric routing (default: they are dropped)',
  ),
  conntrackUdpTimeout: setting(
    'DURATION',
    CONNTRACK,
    readDuration,
    'forget UDP flows with packets one way after this: 30s',
  ),
  conntrackUdpTimeoutStream: setting(
    'DURATION',
    CONNTRACK,
    readDuration,
    'forget UDP flows with packets both ways after this: 120s',
  ),
  annotationKey: setting(
    'KEY',
    POD_NAT,
    readText,
    'annotation that asks for Pod NAT (default: bln.space/podnat)',
  ),
  restrictedPorts: setting(
    'PORTS',
    POD_NAT,
    readPorts,
    'ports and ranges that no annotation may name (default: 22,53,6443)',
  ),
  includeFilterNetworks: setting(
    'CIDRS',
    POD_NAT,
    readPrefixes,
    'networks added to the filter: their addresses are never taken for the public address of the node (inclfilternet of podnat-controller)',
  ),
  excludeFilterNetworks: setting(
    'CIDRS',
    POD_NAT,
    readPrefixes,
    'networks taken out of the filter: their addresses may be the public address, private or not (exclfilternet of podnat-controller)',
  ),
  internalNetworks: setting(
    'CIDRS',
    POD_NAT,
    readPrefixes,
    'destinations that pods reach with their own address, beside pools, service CIDRs and nodes (default: the private networks)',
  ),
  requireReady: {
    ...setting(null, POD_NAT, readFlag, 'bind a pod only while it is Ready (the default)'),
    negatable: true,
  },
  podNatNamespaces: setting(
    'NAMES',
    POD_NAT,
    readNamespaces,
    'namespaces whose pods may use Pod NAT, team-* for all that begin so (default: all, where no selector is given)',
  ),
  podNatNamespaceSelector: setting(
    'SELECTOR',
    POD_NAT,
    readSelector,
    'namespaces with such labels may use Pod NAT too: key=value, key in (a,b), key, !key',
  ),
  podNatPorts: setting(
    'PORTS',
    POD_NAT,
    readPortSpans,
    'ports of the node that pods may bind: 25,80,443,10000-19999 (default: all that are not reserved)',
  ),
  podNatAddresses: setting(
    'CIDRS',
    POD_NAT,
    readPrefixes,
    'networks of the node addresses that pods may bind (default: all addresses of the node)',
  ),
  podNatTakeover: setting(
    null,
    POD_NAT,
    readFlag,
    'let "takeover": true of the annotation count: a pod has a port although a program of the host listens there',
  ),
  podNatReservedPorts: setting(
    'PORTS',
    POD_NAT,
    readPortSpans,
    'further ports that no pod may bind, beside those of the node and of Kubernetes',
  ),
  podNatUnreservedPorts: setting(
    'PORTS',
    POD_NAT,
    readPortSpans,
    'ports that pods may bind although they are reserved',
  ),
  podNatMaxPortsPerPod: setting(
    'NUMBER',
    POD_NAT,
    readWholeNumber(0, 65_535),
    'ports that one pod may bind, those of ranges counted singly (default: no limit)',
  ),
  podNatMaxPortsPerNamespace: setting(
    'NUMBER',
    POD_NAT,
    readWholeNumber(0, 1_000_000),
    'ports that the pods of one namespace may bind on one node together (default: no limit)',
  ),
  podNatMaxEntriesPerNamespace: setting(
    'NUMBER',
    POD_NAT,
    readWholeNumber(0, 1_000_000),
    'ports and port ranges that the pods of one namespace may bind on one node, each address by itself (default: 2048)',
  ),
  podNatMaxEntriesPerNode: setting(
    'NUMBER',
    POD_NAT,
    readWholeNumber(0, 1_000_000),
    'ports and port ranges that all pods may bind on one node, each address by itself (default: 4096)',
  ),
  natPortRange: setting(
    'PORTS',
    EGRESS,
    readPortSpans,
    'source ports of translated TCP, UDP and SCTP, ranges with commas: 1024:29999,33000:65535 (default: natPortRange of FelixConfiguration; else the kernel chooses)',
  ),
  natPortExclusions: {
    ...setting(
      null,
      EGRESS,
      readFlag,
      'take the ports of NodePorts, of VXLAN and of ip_local_reserved_ports out of these ranges (the default)',
    ),
    negatable: true,
  },
  natOutgoingAddress: setting(
    'ADDRESSES',
    EGRESS,
    readOnePerFamily,
    'translate what leaves pools to this address, one for each family at most, instead of masquerading (default: natOutgoingAddress of FelixConfiguration)',
  ),
  natOutgoingInterfaceFilter: setting(
    'PATTERN',
    EGRESS,
    readInterface,
    'pools are NATed from only out of this interface, a trailing + stands for any rest: eth+ (default: iptablesNATOutgoingInterfaceFilter of FelixConfiguration; else any)',
  ),
  natOutgoingExclusions: setting(
    'WHAT',
    EGRESS,
    readChoice(['IPPoolsOnly', 'IPPoolsAndHostIPs']),
    'destinations that pools leave alone: IPPoolsOnly, or IPPoolsAndHostIPs for the addresses of all nodes too (default: natOutgoingExclusions of FelixConfiguration; else IPPoolsOnly)',
  ),
  mostSpecificPoolWins: setting(
    null,
    EGRESS,
    readFlag,
    'of nested pools the narrowest decides whether a source is NATed (default: any of them with natOutgoing, as Calico has it)',
  ),
  ipMasqAgentConfig: setting(
    'FILE',
    EGRESS,
    readText,
    'configuration file of ip-masq-agent, watched: masquerade all that pods send, but to its networks; a file that is not there means the private networks',
  ),
  masqueradeHostTraffic: setting(
    null,
    EGRESS,
    readFlag,
    'with --ip-masq-agent-config: all sources, not pods alone',
  ),
  manageForward: {
    ...setting(
      null,
      POD_NAT,
      readFlag,
      'let what is bound to pods through FORWARD chains of iptables that drop, by one marked rule (the default); --no-manage-forward only tells of such chains',
    ),
    negatable: true,
  },
  nodeStatus: {
    ...setting(
      null,
      CLUSTER,
      readFlag,
      'with a cluster as source: write what was done into the NodeNAT object of the node (the default)',
    ),
    negatable: true,
  },
  events: {
    ...setting(
      null,
      CLUSTER,
      readFlag,
      'with a cluster as source: tell Pods, Services and IPPools by Events what was done and what could not be (the default)',
    ),
    negatable: true,
  },
  stateFlavor: setting(
    'STORE',
    STATE,
    readChoice(['crd', 'configmap', 'webdav', 'none']),
    'where the bindings of Pod NAT are published: crd, the NodeNAT object; configmap or webdav, in the form of podnat-controller, beside it; none, nowhere (default: crd)',
  ),
  stateUri: setting(
    'URL',
    STATE,
    readStateUri,
    'with --state-flavor webdav: http or https, NAME:PASSWORD@ before the host where the server asks for them (default: http://podnat-state-store:80)',
  ),
  stateNode: setting(
    'NAME',
    STATE,
    readStateNode,
    'what the state of the node is named by: ConfigMap podnat-controller-NAME, folder NAME (default: the name of the node)',
  ),
  stateNamespace: setting(
    'NAMESPACE',
    STATE,
    readText,
    'with --state-flavor configmap: its namespace (default: NAMESPACE, then podnat-controller-system)',
  ),
  egressOnChange: setting(
    'POLICY',
    FLOWS,
    readChoice(['keep', 'flush']),
    'existing connections when pools, rules or bindings change: keep leaves them alone, except those that never saw a reply; flush ends those affected (default: keep)',
  ),
  attributionLog: setting(
    'WHERE',
    FLOWS,
    readText,
    'keep a log of which Pod was behind which address and port, for knat flows --who: memory, or a file (default: none)',
  ),
  attributionLogMib: setting(
    'NUMBER',
    FLOWS,
    readWholeNumber(1, 65_536),
    'the attribution log has at most this many MiB, then the oldest goes (default: 64)',
  ),
  healthAddress: setting(
    'ADDRESS:PORT',
    SERVE,
    readListenAddress,
    'serve /livez, /readyz and /healthz here, and nothing else; empty: nowhere (default: 127.0.0.1:10256)',
  ),
  proxyHealthAddress: setting(
    'ADDRESS:PORT',
    SERVE,
    readListenAddress,
    "serve them here too, where load balancers ask for kube-proxy's, as soon as that has left it; empty: nowhere (default: with --replace-kube-proxy or --kube-proxy-config where kube-proxy has its own, if --health-address has another port)",
  ),
  httpAddress: setting(
    'ADDRESS:PORT',
    SERVE,
    readListenAddress,
    'serve the API, /metrics and health paths here; elsewhere than on this node a bearer token of the cluster is needed, but for health; empty: nowhere (default: 127.0.0.1:8484)',
  ),
  metricsAddress: setting(
    'ADDRESS:PORT',
    SERVE,
    readListenAddress,
    "serve /metrics here, and nothing else; empty: nowhere (default: 127.0.0.1:10249, which is kube-proxy's; without Service NAT: nowhere)",
  ),
  unauthenticatedMetrics: setting(
    null,
    SERVE,
    readFlag,
    'let everyone who reaches --metrics-address read /metrics without a token, as kube-proxy does (default: only this node, others with a token)',
  ),
  tlsCertFile: setting(
    'FILE',
    SERVE,
    readText,
    'PEM file with the certificate, and those between it and its authority, for --http-address and --metrics-address; read again when it changes (default: no TLS)',
  ),
  tlsPrivateKeyFile: setting('FILE', SERVE, readText, 'PEM file with the key of --tls-cert-file'),
  once: setting(null, RUN, readFlag, 'program the kernel once, then end'),
  replaceKubeProxy: setting(
    null,
    RUN,
    readFlag,
    'with Service NAT: take the rules of kube-proxy away as soon as those of knat are in force (default: refuse to run beside them)',
  ),
  replacePodnatController: setting(
    null,
    RUN,
    readFlag,
    'with Pod NAT: take the chains of podnat-controller away as soon as the rules of knat are in force (default: report them)',
  ),
  podnatPrefix: setting(
    'PREFIX',
    RUN,
    readChainPrefix,
    'what the chains of podnat-controller are named by: PREFIX_FORWARD, PREFIX_PRE, PREFIX_POST (default: podnat)',
  ),
  dryRun: setting(null, RUN, readFlag, 'print what would change in the kernel, change nothing, end'),
  strict: setting(
    null,
    RUN,
    readFlag,
    'with --once or --dry-run: end with status 1 when any object has a problem',
  ),
  logLevel: setting(
    'LEVEL',
    SHOW,
    readChoice(['debug', 'info', 'warn', 'error']),
    'debug, info, warn or error (default: info); debug shows stack traces',
  ),
  logFormat: setting(
    'FORMAT',
    SHOW,
    readChoice(['json', 'text']),
    'json or text (default: text on a terminal, else json)',
  ),
  output: {
    ...setting('FORM', SHOW, readChoice(['table', 'json', 'yaml']), 'table, json or yaml (default: table)'),
    short: 'o',
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;

/** The values of options, wherever they were given; what was given nowhere is absent. */
export type SettingValues = {
  readonly [Name in SettingName]?: ReturnType<(typeof settings)[Name]['read']>;
} & {
  /** What `kubeProxyConfig` says beyond options; there once the file is read. */
  readonly kubeProxy?: KubeProxyFacts;
};

/** What a KubeProxyConfiguration says that is no option, and what of it has no effect. */
export interface KubeProxyFacts {
  /** Facts of the node; those of --node-config come first. */
  readonly node: NodeConfig;
  /** One line each, the field in front. */
  readonly warnings: readonly string[];
  /** Where kube-proxy serves its health. */
  readonly healthAddress: ListenAddress | null;
}

function setting<Value>(
  placeholder: string | null,
  group: string,
  read: Reader<Value>,
  help: string,
): Setting<Value> {
  return { placeholder, group, read, help };
}

/** What `--source` names. */
export type SourceName = { readonly kind: 'kubernetes' } | { readonly kind: 'dir'; readonly path: string };

function readSource(value: unknown): SourceName {
  const text = readText(value);
  if (text === 'kubernetes') return { kind: 'kubernetes' };
  const match = /^dir:(.+)$/s.exec(text);
  if (match?.[1] !== undefined) return { kind: 'dir', path: match[1] };
  throw new ValueError(
    `"${text}" is no source: write kubernetes, or dir:PATH, a folder of manifests, such as dir:/etc/knat/manifests`,
  );
}
