import {
  type Reader,
  readChainPrefix,
  readChoice,
  readFlag,
  readKinds,
  readListenAddress,
  readPorts,
  readPrefixes,
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
const POD_NAT = 'Pod NAT:';
const FLOWS = 'Connections:';
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
    'what becomes of connections that are there when pools, rules or bindings change: keep, they keep their translation; flush, those that the change concerns are ended (default: keep)',
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
export type SettingValues = { readonly [Name in SettingName]?: ReturnType<(typeof settings)[Name]['read']> };

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
