/** docs/errors.md is made from these tables; a code never changes its meaning. */
interface KnownCode {
  readonly meaning: string;
  readonly remedy: string;
  /** The Event for the object; absent: NatInvalid. */
  readonly event?: EventReason;
  /** The reason of the NodeNAT's condition Degraded if no object is concerned; absent: not in the NodeNAT. */
  readonly degraded?: DegradedReason;
}

/** docs/status.md has the same table. `action` is what the agent did, as `events.k8s.io/v1` requires. */
export const eventReasons = {
  NatApplied: { type: 'Normal', action: 'Program' },
  NatInvalid: { type: 'Warning', action: 'Validate' },
  NatConflict: { type: 'Warning', action: 'Settle' },
  NatRestricted: { type: 'Warning', action: 'Validate' },
  NatNoPublicAddress: { type: 'Warning', action: 'Detect' },
  NatHostPortInUse: { type: 'Warning', action: 'Settle' },
  NatBlockedByFirewall: { type: 'Warning', action: 'Program' },
  // kube-proxy's own reason and action, which alerts may know.
  FailedToStartServiceHealthcheck: { type: 'Warning', action: 'Listen' },
} as const satisfies Record<string, { readonly type: 'Normal' | 'Warning'; readonly action: string }>;

export type EventReason = keyof typeof eventReasons;

type DegradedReason = 'SourceTrouble' | 'PortsNearlyTaken';

/** Codes for a readable object that gets no NAT, or only part of it, each with the Event for the object. */
export const noticeCodes = {
  NatInvalid: 'NatInvalid',
  NatRestricted: 'NatRestricted',
  NatNoPublicAddress: 'NatNoPublicAddress',
  NatHostPortInUse: 'NatHostPortInUse',
  NatBlockedByFirewall: 'NatBlockedByFirewall',
  // The annotation names an address that the node does not have.
  NatAddressNotLocal: 'NatInvalid',
  // The annotation is on a pod that cannot have a binding.
  NatHostNetwork: 'NatInvalid',
  // Another object owns what this one claims.
  NatConflict: 'NatConflict',
  // Another pool has natOutgoing, this one does not.
  NatPoolOverridden: 'NatConflict',
} as const satisfies Record<string, EventReason>;

export type NoticeCode = keyof typeof noticeCodes;

/** Findings of the sources about objects, files and the API server. */
export const sourceCodes = {
  KNAT_FOLDER_MISSING: {
    meaning: 'The manifest folder does not exist or is not a folder.',
    remedy:
      'Create the folder, or correct the path of the source. knat notices when the folder exists again.',
  },
  KNAT_FOLDER_UNREADABLE: {
    meaning: 'A folder of manifests cannot be listed.',
    remedy: 'Give the agent read and execute permission on the folder. Objects read before stay in force.',
  },
  KNAT_FOLDER_WATCH: {
    meaning: 'The kernel refused to watch the manifest folder; it is read at intervals instead.',
    remedy: 'Raise fs.inotify.max_user_watches or fs.inotify.max_user_instances.',
  },
  KNAT_MANIFEST_UNREADABLE: {
    meaning: 'A manifest file cannot be read.',
    remedy: 'Correct its permissions, or remove the dangling link. Objects read before stay in force.',
  },
  KNAT_MANIFEST_TOO_LARGE: {
    meaning: 'A manifest file is larger than the limit.',
    remedy: 'Split it into several files, or raise the limit. Objects read before stay in force.',
  },
  KNAT_MANIFEST_SYNTAX: {
    meaning: 'A manifest file is neither YAML nor JSON.',
    remedy:
      'Correct the line that the message names. The last good version of the whole file stays in force.',
  },
  KNAT_LAST_GOOD: {
    meaning: 'A file or an object cannot be used; its last good version, if any, stays in force.',
    remedy: 'Correct the other problems of the same file or object.',
  },
  KNAT_OBJECT_INVALID: {
    meaning: 'A document is not a Kubernetes object: it is no mapping, or has no kind or no name.',
    remedy: 'Give the document apiVersion, kind and metadata.name.',
  },
  KNAT_OBJECT_DUPLICATE: {
    meaning: 'The folder has the same object twice.',
    remedy: 'Remove one of them. Until then the file with the first path in alphabetical order is used.',
  },
  KNAT_FIELD_TYPE: {
    meaning: 'A field has a value of the wrong type.',
    remedy: 'Use the type that the message names: numbers without quotes, texts with quotes.',
  },
  KNAT_FIELD_REQUIRED: { meaning: 'A required field is missing.', remedy: 'Add the field.' },
  KNAT_FIELD_VALUE: {
    meaning: 'A field has a value that is not allowed.',
    remedy: 'Use one of the values that the message lists.',
  },
  KNAT_FIELD_UNKNOWN: {
    meaning: 'An object of knat has a field that knat does not know; the object is not used.',
    remedy: 'Correct the name of the field or its place, or remove it.',
  },
  KNAT_FIELD_DUPLICATE: {
    meaning: 'Two entries of a list have the same name or port.',
    remedy: 'Give each entry a name and a port of its own.',
  },
  KNAT_PORT_INVALID: {
    meaning: 'A port is not a whole number from 1 to 65535.',
    remedy: 'Write a port from 1 to 65535.',
  },
  KNAT_ADDRESS_INVALID: {
    meaning: 'A text is not an IP address.',
    remedy: 'Write an IPv4 address, or an IPv6 address without zone; names are not resolved.',
  },
  KNAT_ADDRESS_SPECIAL: {
    meaning:
      'An address of a Service or an endpoint is a loopback, link-local, multicast or unspecified one.',
    remedy: 'Write the address of a host. The other addresses of the object work.',
  },
  KNAT_NODE_PORT_RANGE: {
    meaning: 'A node port of a Service in a folder is outside the range of node ports, and is ignored.',
    remedy: 'Choose a port of the range, or widen the range with --service-node-port-range.',
  },
  KNAT_ADDRESS_FAMILY: {
    meaning: 'An address is of another IP family than its object.',
    remedy: 'Move it to an object of its family.',
  },
  KNAT_PREFIX_INVALID: {
    meaning: 'A text is not a CIDR prefix.',
    remedy: 'Write ADDRESS/LENGTH, such as 10.0.0.0/8.',
  },
  KNAT_PREFIX_HOST_BITS: {
    meaning: 'A CIDR prefix has host bits set.',
    remedy: 'Write the network address that the message names.',
  },
  KNAT_SOURCE_RANGE_IGNORED: {
    meaning: 'An entry of loadBalancerSourceRanges is not a CIDR prefix and is ignored.',
    remedy: 'Correct the entry. If no entry is usable, no source is allowed.',
  },
  KNAT_ENDPOINT_INCOMPLETE: {
    meaning: 'An endpoint without address, or an endpoint port without a usable number, is ignored.',
    remedy: 'Give the endpoint an address and the port a number from 1 to 65535.',
  },
  KNAT_POOL_CIDR: {
    meaning: 'The CIDR of an IPPool is missing, unusable, too small or link-local.',
    remedy: 'Correct spec.cidr or spec.blockSize. The last good version of the pool stays in force.',
  },
  KNAT_POOL_BLOCK_SIZE: {
    meaning: 'The block size of an IPPool is out of range.',
    remedy: 'Use 20 to 32 for IPv4 and 116 to 128 for IPv6.',
  },
  KNAT_POOL_ENCAPSULATION: {
    meaning: 'The encapsulation of an IPPool does not fit its family, its uses or its other encapsulation.',
    remedy: 'Set spec.ipipMode or spec.vxlanMode to Never.',
  },
  KNAT_POOL_USES: {
    meaning: 'An IPPool for load balancers has other uses too.',
    remedy: 'Set spec.allowedUses to [LoadBalancer], or make two pools.',
  },
  KNAT_IP_MASQ_AGENT_CONFIG: {
    meaning:
      'The file named by --ip-masq-agent-config cannot be read, or has unknown keys or invalid values.',
    remedy: 'Correct the line that the message names. The last good configuration stays in force.',
  },
  KNAT_KUBECONFIG: {
    meaning: 'There is no usable configuration of a cluster.',
    remedy: 'Name a kubeconfig with --kubeconfig, or run in a pod with a service account.',
  },
  KNAT_API_UNAVAILABLE: {
    meaning:
      'The API server cannot be reached, is busy or not ready yet (it refuses everything for some seconds after its start), or gave an invalid answer.',
    remedy:
      'Check the address in the kubeconfig and the server itself. What was read before stays in force; knat keeps trying.',
  },
  KNAT_API_UNAUTHORIZED: {
    meaning: 'The API server does not accept the credentials.',
    remedy: 'Renew the token or certificate. knat reads the files again after each refusal.',
  },
  KNAT_API_FORBIDDEN: {
    meaning: 'RBAC does not allow knat to read a kind of object that it needs. knat reports this after 30 s.',
    remedy:
      'Allow get, list and watch on the resource that the message names, by a ClusterRole and its binding.',
  },
  KNAT_API_MISSING: {
    meaning:
      'The API server does not serve a kind of object that it served before, or that every server has.',
    remedy: 'Install the CustomResourceDefinition again, or check that the address is that of an API server.',
  },
  KNAT_NODE_CONFIG_SYNTAX: {
    meaning: 'The node configuration is neither YAML nor JSON, or is not a mapping.',
    remedy: 'Correct the line that the message names.',
  },
  KNAT_NODE_CONFIG_FIELD: {
    meaning: 'A value of the node configuration is invalid.',
    remedy: 'Correct the field that the message names.',
  },
  KNAT_NODE_CONFIG_UNKNOWN: {
    meaning: 'The node configuration has an unknown key.',
    remedy: 'Correct its spelling, or remove it.',
  },
} as const satisfies Record<string, KnownCode>;

export type SourceCode = keyof typeof sourceCodes;

/** Problems of a running agent's other work; none of them stops NAT. */
export const sideCodes = {
  KNAT_NODE_STATUS_UNWRITTEN: {
    meaning: 'The NodeNAT object of the node cannot be written; NAT continues, and the agent keeps trying.',
    remedy:
      'Follow the message: install the CustomResourceDefinitions of knat, allow the verbs by a ClusterRole, or correct --node. --no-node-status switches the object off.',
  },
  KNAT_EVENTS_UNWRITTEN: {
    meaning: 'Events cannot be written; NAT continues, and the agent keeps trying.',
    remedy: 'Follow the message, or switch Events off with --no-events.',
  },
  KNAT_STATE_UNWRITTEN: {
    meaning:
      'The state of the node cannot be published in the store that --state-flavor names; NAT continues, and the agent keeps trying.',
    remedy: 'Follow the message, or choose another store with --state-flavor.',
  },
  KNAT_PODNAT_CONTROLLER_PRESENT: {
    meaning:
      'Pod NAT is on, and chains of podnat-controller are in this network namespace too: both translate the same packets.',
    remedy:
      'Use --replace-podnat-controller to remove the chains; if they come back, stop the podnat-controller that writes them. docs/migrate-from-podnat-controller.md has the steps.',
  },
  KNAT_FORWARD_UNSEEN: {
    meaning:
      'The FORWARD chains of this host cannot be read, so knat does not know whether the firewall drops traffic of bindings.',
    remedy: 'Follow the message. knat reads them again at the next change, and at least every 10 s.',
  },
  KNAT_FOREIGN_SOURCE_NAT: {
    meaning:
      'Another program gives packets of pods another source than pools and EgressRules say: flannel masquerades what a disabled pool exempts, for example. The message names the rule.',
    remedy:
      "Follow the message: exempt the destination there, or switch that program's masquerading off. knat explain shows the way of a packet.",
  },
  KNAT_LISTENERS_UNSEEN: {
    meaning:
      'The listening sockets of this host cannot be read: a pod may get a port that a program of the host uses. Listeners seen before still count.',
    remedy:
      'Follow the message; the kernel needs CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG, built in or as modules.',
  },
  KNAT_POD_ROUTES_FAILED: {
    meaning:
      'The routing rules that bound pods need on this host cannot be read or written: replies of these pods may leave by the wrong uplink.',
    remedy: 'Follow the message. knat tries again at the next change, and at least every minute.',
  },
  KNAT_POD_ROUTES_TORN: {
    meaning:
      'A Pod has bindings on addresses that this host routes by different tables (ip rule from ADDRESS). The kernel routes replies by the pod’s own address, so replies of one binding leave by the wrong uplink.',
    remedy:
      'Bind the Pod to addresses of one uplink, or run one Pod for each. docs/pod-nat.md, "Several uplinks", says what knat does.',
  },
  KNAT_PORT_RULES_UNSEEN: {
    meaning:
      'The port mappings of other programs cannot be read: a pod may get a port that docker, podman or a CNI plugin has mapped. Mappings seen before still count.',
    remedy: 'Follow the message. knat reads them again at the next change, and at least every 10 s.',
  },
  KNAT_PORTS_NEARLY_TAKEN: {
    degraded: 'PortsNearlyTaken',
    meaning:
      'Connections to one destination use most source ports of an address; from about 90 % on new connections begin to fail.',
    remedy:
      'knat flows --ports shows the use of ports and the Pods. Give these Pods further addresses, let them keep fewer connections, or widen natPortRange.',
  },
  KNAT_FLOWS_NOT_FLUSHED: {
    meaning:
      'Flows affected by a change of pools, rules or bindings could not be ended (without --egress-on-change flush: only those that never saw a reply). The agent tries again.',
    remedy: "The message contains the kernel's error. knat flows --stale shows the flows.",
  },
  KNAT_GONE_CONNECTIONS: {
    meaning:
      'Connections to endpoints that are gone could not be ended (--on-endpoint-gone reset); their clients wait until they give up by themselves. The agent tries again.',
    remedy:
      "The message contains the kernel's error. ENFILE: more than 65,536 connections of a family were ended in the last 15 minutes and their clients do not answer; it goes on as they are forgotten.",
  },
  KNAT_ATTRIBUTION_LOG: {
    meaning: 'The attribution log cannot be written, or has a gap; NAT continues.',
    remedy: 'Make the file of --attribution-log writable, on a disk that is fast enough and not full.',
  },
  KNAT_HISTORY: {
    meaning: 'The history cannot be written; NAT continues. What changes meanwhile is missing in it.',
    remedy:
      'Make the folder of --history-dir writable for root alone, on a disk that is not full. knat tries again by itself.',
  },
  KNAT_AGENT_SOCKET: {
    meaning:
      "Another user's process has the name of the agent's socket; the agent uses another name, which the commands of knat find.",
    remedy: 'Find that process: ss -xlp shows who listens on @knat.agent.',
  },
  KNAT_HEALTH_ADDRESS: {
    meaning: 'Health cannot be served on the address; NAT continues, and the agent keeps trying.',
    remedy:
      'Stop the program that listens there (kube-proxy also uses port 10256), or choose another address with --health-address.',
  },
  KNAT_KUBE_PROXY_FIELD: {
    meaning: 'A field of the file of --kube-proxy-config has no effect in knat, or is unknown.',
    remedy:
      'Nothing must be done. Remove the field to avoid the warning; docs/migrate-from-kube-proxy.md has a table of all fields.',
  },
  KNAT_CONNTRACK_SETTINGS: {
    meaning: 'Some settings of connection tracking (--conntrack-…) could not be made; NAT continues.',
    remedy:
      'Make them on the host, by a file in /etc/sysctl.d; or run the container privileged, as kube-proxy is, so that /proc/sys is writable; or remove the options. A maximum can be set only in the first network namespace of the machine.',
  },
  KNAT_ENTRY_REFUSED: {
    meaning:
      'The kernel refuses the entries of one object. Everything else is programmed; entries of the object that existed before stay.',
    remedy:
      'Check the object that the message names, and report it with the kernel error: knat should have refused it with a reason. The agent tries again when the object changes.',
  },
  KNAT_HEALTH_CHECK_PORT: {
    event: 'FailedToStartServiceHealthcheck',
    meaning:
      'The health check of a Service with external traffic policy Local cannot be answered on its node port; NAT continues, and the agent keeps trying.',
    remedy:
      'Stop the program that listens there (such as a running kube-proxy), or add the address that the message names to the node.',
  },
  KNAT_HTTP_ADDRESS: {
    meaning: 'The API cannot be served on the address; NAT continues, and the agent keeps trying.',
    remedy: 'Stop the program that listens there, or choose another address with --http-address.',
  },
  KNAT_METRICS_ADDRESS: {
    meaning: 'Metrics cannot be served on the address; NAT continues, and the agent keeps trying.',
    remedy:
      'Stop the program that listens there (kube-proxy also uses port 10249), or choose another address with --metrics-address.',
  },
  KNAT_LIMIT_REACHED: {
    meaning:
      'In the last ten minutes the agent reached one of its limits, so that something else cannot take its memory, its processor or its descriptors. NAT continues.',
    remedy: 'Follow the message. docs/limits.md has all limits.',
  },
  KNAT_TLS_FILES: {
    meaning:
      'The files of --tls-cert-file and --tls-private-key-file cannot be used: the agent keeps using the former certificate and key.',
    remedy: 'Provide a certificate in PEM form and its key; the files are read again every 10 seconds.',
  },
} as const satisfies Record<string, KnownCode>;

export type SideCode = keyof typeof sideCodes;

export function isNoticeCode(code: string): code is NoticeCode {
  return Object.hasOwn(noticeCodes, code);
}

/** The Event for an object with a finding of this code. */
export function eventOf(code: string): EventReason {
  return isNoticeCode(code) ? noticeCodes[code] : (besideNat(code)?.event ?? 'NatInvalid');
}

/** The reason of the condition Degraded for a finding about no object; null: not reported to the cluster. */
export function degradedBy(code: string): DegradedReason | null {
  const row = besideNat(code);
  return row === undefined ? 'SourceTrouble' : (row.degraded ?? null);
}

function besideNat(code: string): KnownCode | undefined {
  return Object.hasOwn(sideCodes, code) ? sideCodes[code as SideCode] : undefined;
}
