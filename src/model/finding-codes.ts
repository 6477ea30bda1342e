/**
 * Every code of a finding: what it means, what to do, and how the cluster is told. docs/errors.md is made from these
 * tables; a code never changes its meaning.
 */
interface KnownCode {
  readonly meaning: string;
  readonly remedy: string;
  /** The Event by which an object is told; absent: NatInvalid. */
  readonly event?: EventReason;
  /** The reason of the NodeNAT's condition Degraded where it concerns no object; absent: the NodeNAT does not have it. */
  readonly degraded?: DegradedReason;
}

/** Every reason of an Event; docs/status.md has the same table. `action` is what the agent did, as `events.k8s.io/v1` wants it. */
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

/** Why an object that can be read gets no NAT, or not all of it: the code, and the Event by which the object is told. */
export const noticeCodes = {
  NatInvalid: 'NatInvalid',
  NatRestricted: 'NatRestricted',
  NatNoPublicAddress: 'NatNoPublicAddress',
  NatHostPortInUse: 'NatHostPortInUse',
  NatBlockedByFirewall: 'NatBlockedByFirewall',
  // The annotation names an address that the node does not have.
  NatAddressNotLocal: 'NatInvalid',
  // The annotation stands on a pod that cannot have a binding.
  NatHostNetwork: 'NatInvalid',
  // Another pool has what this one does not want.
  NatPoolOverridden: 'NatConflict',
} as const satisfies Record<string, EventReason>;

export type NoticeCode = keyof typeof noticeCodes;

/** What the sources find in objects, files and at the API server. */
export const sourceCodes = {
  KNAT_FOLDER_MISSING: {
    meaning: 'The manifest folder does not exist or is no folder.',
    remedy:
      'Create the folder, or correct the path of the source; a folder that comes back is picked up again.',
  },
  KNAT_FOLDER_UNREADABLE: {
    meaning: 'A folder of manifests cannot be listed.',
    remedy: 'Give the agent read and execute permission on the folder. What was read before stays in force.',
  },
  KNAT_FOLDER_WATCH: {
    meaning: 'The kernel refused to watch the manifest folder; it is read at intervals instead.',
    remedy: 'Raise fs.inotify.max_user_watches or fs.inotify.max_user_instances.',
  },
  KNAT_MANIFEST_UNREADABLE: {
    meaning: 'A manifest file cannot be read.',
    remedy: 'Mend its permissions, or remove the dangling link. What was read before stays in force.',
  },
  KNAT_MANIFEST_TOO_LARGE: {
    meaning: 'A manifest file is larger than the limit.',
    remedy: 'Split it into several files, or raise the limit. What was read before stays in force.',
  },
  KNAT_MANIFEST_SYNTAX: {
    meaning: 'A manifest file is neither YAML nor JSON.',
    remedy: 'Correct the line named. The last good state of the whole file stays in force.',
  },
  KNAT_LAST_GOOD: {
    meaning: 'A file or an object cannot be used; its last good state, if there was one, stays in force.',
    remedy: 'Mend what the other problems of the same file or object name.',
  },
  KNAT_OBJECT_INVALID: {
    meaning: 'A document is no Kubernetes object: no mapping, no kind, or no name.',
    remedy: 'Give the document apiVersion, kind and metadata.name.',
  },
  KNAT_OBJECT_DUPLICATE: {
    meaning: 'The same object stands in two places of the folder.',
    remedy: 'Remove one of them. Until then the file whose path sorts first wins.',
  },
  KNAT_FIELD_TYPE: {
    meaning: 'A field has a value of the wrong type.',
    remedy: 'Write the type that the message names; numbers without quotes, texts with them.',
  },
  KNAT_FIELD_REQUIRED: { meaning: 'A field that is needed is missing.', remedy: 'Add the field.' },
  KNAT_FIELD_VALUE: {
    meaning: 'A field has a value that is not one of the allowed ones.',
    remedy: 'Write one of the values that the message lists.',
  },
  KNAT_FIELD_DUPLICATE: {
    meaning: 'Two entries of a list claim the same name or port.',
    remedy: 'Give each entry a name and a port of its own.',
  },
  KNAT_PORT_INVALID: {
    meaning: 'A port is no whole number from 1 to 65535.',
    remedy: 'Write a port from 1 to 65535.',
  },
  KNAT_ADDRESS_INVALID: {
    meaning: 'A text is no IP address.',
    remedy: 'Write an IPv4 address, or an IPv6 address without zone; names are not resolved.',
  },
  KNAT_ADDRESS_SPECIAL: {
    meaning:
      'An address of a Service or an endpoint is a loopback, link-local, multicast or unspecified one.',
    remedy: 'Write the address of a host. The other addresses of the object work.',
  },
  KNAT_NODE_PORT_RANGE: {
    meaning: 'A node port of a Service in a folder is not in the range of node ports, and is left out.',
    remedy: 'Choose a port of the range, or widen the range with --service-node-port-range.',
  },
  KNAT_ADDRESS_FAMILY: {
    meaning: 'An address is of another IP family than its object.',
    remedy: 'Move it to an object of its family.',
  },
  KNAT_PREFIX_INVALID: {
    meaning: 'A text is no CIDR prefix.',
    remedy: 'Write ADDRESS/LENGTH, such as 10.0.0.0/8.',
  },
  KNAT_PREFIX_HOST_BITS: {
    meaning: 'A CIDR prefix has bits set behind its length.',
    remedy: 'Write the network address that the message names.',
  },
  KNAT_SOURCE_RANGE_IGNORED: {
    meaning: 'An entry of loadBalancerSourceRanges is no CIDR prefix and is left out.',
    remedy: 'Correct the entry. When no entry is usable, no source is allowed.',
  },
  KNAT_ENDPOINT_INCOMPLETE: {
    meaning: 'An endpoint without address, or an endpoint port without a usable number, is left out.',
    remedy: 'Give the endpoint an address and the port a number from 1 to 65535.',
  },
  KNAT_POOL_CIDR: {
    meaning: 'The CIDR of an IPPool is missing, unusable, too small or link-local.',
    remedy: 'Correct spec.cidr or spec.blockSize. The last good form of the pool stays in force.',
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
    remedy: 'Let spec.allowedUses be [LoadBalancer] alone, or make two pools.',
  },
  KNAT_IP_MASQ_AGENT_CONFIG: {
    meaning:
      'The file named by --ip-masq-agent-config cannot be read, or has keys or values that it cannot have.',
    remedy: 'Correct the line named. The last good configuration stays in force.',
  },
  KNAT_KUBECONFIG: {
    meaning: 'There is no usable configuration of a cluster.',
    remedy: 'Name a kubeconfig with --kubeconfig, or run in a pod with a service account.',
  },
  KNAT_API_UNAVAILABLE: {
    meaning:
      'The API server cannot be reached, is busy or not ready yet (it refuses everything for some seconds after its start), or gave an answer that cannot be used.',
    remedy:
      'Check the address in the kubeconfig and the server itself. What was read before stays in force; knat goes on trying.',
  },
  KNAT_API_UNAUTHORIZED: {
    meaning: 'The API server does not accept the credentials.',
    remedy: 'Renew the token or certificate. knat reads the files anew at each refusal.',
  },
  KNAT_API_FORBIDDEN: {
    meaning: 'RBAC does not allow to read a kind of object that is needed; told when that lasts for 30 s.',
    remedy: 'Allow get, list and watch on the resource named, by a ClusterRole and its binding.',
  },
  KNAT_API_MISSING: {
    meaning:
      'The API server does not serve a kind of object that it served before, or that every server has.',
    remedy: 'Install the CustomResourceDefinition again, or check that the address is that of an API server.',
  },
  KNAT_NODE_CONFIG_SYNTAX: {
    meaning: 'The node configuration is neither YAML nor JSON, or no mapping.',
    remedy: 'Correct the line named.',
  },
  KNAT_NODE_CONFIG_FIELD: {
    meaning: 'A value of the node configuration is unusable.',
    remedy: 'Correct the field named.',
  },
  KNAT_NODE_CONFIG_UNKNOWN: {
    meaning: 'The node configuration has a key that means nothing.',
    remedy: 'Correct its spelling, or remove it.',
  },
} as const satisfies Record<string, KnownCode>;

export type SourceCode = keyof typeof sourceCodes;

/** What a running agent cannot do beside NAT; it ends nothing. */
export const sideCodes = {
  KNAT_NODE_STATUS_UNWRITTEN: {
    meaning: 'The NodeNAT object of the node cannot be written; NAT goes on, and so do the attempts.',
    remedy:
      'Do what the message says: install the CustomResourceDefinitions of knat, allow the verbs by a ClusterRole, or correct --node. --no-node-status leaves the object away.',
  },
  KNAT_EVENTS_UNWRITTEN: {
    meaning: 'Events cannot be written; NAT goes on, and so do the attempts.',
    remedy: 'Do what the message says, or leave Events away with --no-events.',
  },
  KNAT_STATE_UNWRITTEN: {
    meaning:
      'The state of the node cannot be published in the store that --state-flavor names; NAT goes on, and so do the attempts.',
    remedy: 'Do what the message says, or choose another store with --state-flavor.',
  },
  KNAT_PODNAT_CONTROLLER_PRESENT: {
    meaning:
      'Pod NAT is on, and chains of podnat-controller are in this network namespace too: both translate the same packets.',
    remedy:
      'Let knat take over with --replace-podnat-controller; where the chains come back, stop the podnat-controller that writes them. docs/migrate-from-podnat-controller.md has the steps.',
  },
  KNAT_FORWARD_UNSEEN: {
    meaning:
      'The FORWARD chains of this host cannot be read: whether its firewall drops what is bound to pods is not known.',
    remedy: 'Do what the message says. knat looks again at the next change, and at least every 10 s.',
  },
  KNAT_LISTENERS_UNSEEN: {
    meaning:
      'The listening sockets of this host cannot be read: a pod may get a port that a program of the host has, and a listener that was seen before still counts.',
    remedy:
      'Do what the message says; the kernel needs CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG, built in or as modules.',
  },
  KNAT_POD_ROUTES_FAILED: {
    meaning:
      'The rules of policy routing that bound pods need on this host cannot be read or written: what they answer may leave by another uplink.',
    remedy: 'Do what the message says. knat tries again at the next change, and at least every minute.',
  },
  KNAT_POD_ROUTES_TORN: {
    meaning:
      'A Pod has bindings on addresses that this host routes by different tables (ip rule from ADDRESS): replies are routed by the pod’s own address, so that those of one binding leave by the wrong uplink.',
    remedy:
      'Bind the Pod to addresses of one uplink, or run one Pod for each. docs/pod-nat.md, "Several uplinks", says what knat does.',
  },
  KNAT_PORT_RULES_UNSEEN: {
    meaning:
      'The rules of other programs that translate ports of this host cannot be read: a pod may get a port that docker, podman or a CNI plugin has mapped, and what was seen before still counts.',
    remedy: 'Do what the message says. knat looks again at the next change, and at least every 10 s.',
  },
  KNAT_PORTS_NEARLY_TAKEN: {
    degraded: 'PortsNearlyTaken',
    meaning:
      'Most source ports of an address are taken by connections to one destination; from about 90 % on new ones begin to fail.',
    remedy:
      'knat flows --ports shows how full they are and whose connections they are. Give these Pods further addresses, let them keep fewer connections, or widen natPortRange.',
  },
  KNAT_FLOWS_NOT_FLUSHED: {
    meaning:
      'Flows that a change of pools, rules or bindings concerns (without --egress-on-change flush: those that never saw a reply) could not be ended; it is tried again.',
    remedy: 'Look at what the kernel says in the message. knat flows --stale shows the flows.',
  },
  KNAT_ATTRIBUTION_LOG: {
    meaning: 'The attribution log cannot be written, or has a gap; NAT goes on.',
    remedy: 'Make the file of --attribution-log writable, on a disk that is fast enough and has room.',
  },
  KNAT_AGENT_SOCKET: {
    meaning:
      "Another user holds the name of the agent's socket; the agent listens under another name, which the commands of knat find.",
    remedy: 'Find out what that user runs: ss -xlp shows who listens on @knat.agent.',
  },
  KNAT_HEALTH_ADDRESS: {
    meaning: 'Health cannot be served on the address; NAT goes on, and so do the attempts.',
    remedy:
      'Stop what listens there (kube-proxy uses port 10256 too), or choose another address with --health-address.',
  },
  KNAT_KUBE_PROXY_FIELD: {
    meaning: 'A field of the file of --kube-proxy-config has no effect in knat, or is not known.',
    remedy:
      'Nothing has to be done. To be rid of the warning remove the field; docs/migrate-from-kube-proxy.md has a table of all fields.',
  },
  KNAT_CONNTRACK_SETTINGS: {
    meaning: 'Not all settings of connection tracking (--conntrack-…) could be made; NAT goes on.',
    remedy:
      'Make them on the host, by a file in /etc/sysctl.d; or give the container a writable /proc/sys, for which it must be privileged, as kube-proxy is; or leave the options away. A maximum can be set in the first network namespace of the machine only.',
  },
  KNAT_ENTRY_REFUSED: {
    meaning:
      'The kernel refuses what one object says. Everything else is programmed, and what the object said before stays where it changed.',
    remedy:
      'Look at the object that the message names, and report it with the error of the kernel: it should have been refused with a reason. It is tried again when it changes.',
  },
  KNAT_HEALTH_CHECK_PORT: {
    event: 'FailedToStartServiceHealthcheck',
    meaning:
      'The health check of a Service with external traffic policy Local cannot be answered on its node port; NAT goes on, and so do the attempts.',
    remedy:
      'Stop what listens there (a kube-proxy that still runs does), or give the node the address that the message names.',
  },
  KNAT_HTTP_ADDRESS: {
    meaning: 'The API cannot be served on the address; NAT goes on, and so do the attempts.',
    remedy: 'Stop what listens there, or choose another address with --http-address.',
  },
  KNAT_METRICS_ADDRESS: {
    meaning: 'Metrics cannot be served on the address; NAT goes on, and so do the attempts.',
    remedy:
      'Stop what listens there (kube-proxy uses port 10249 too), or choose another address with --metrics-address.',
  },
  KNAT_TLS_FILES: {
    meaning:
      'The files of --tls-cert-file and --tls-private-key-file cannot be used: what was served before goes on being served with the pair before.',
    remedy:
      'Put a certificate in PEM form and the key that belongs to it there; they are read again every 10 seconds.',
  },
} as const satisfies Record<string, KnownCode>;

export type SideCode = keyof typeof sideCodes;

export function isNoticeCode(code: string): code is NoticeCode {
  return Object.hasOwn(noticeCodes, code);
}

/** The Event by which an object is told of a finding with this code. */
export function eventOf(code: string): EventReason {
  return isNoticeCode(code) ? noticeCodes[code] : (besideNat(code)?.event ?? 'NatInvalid');
}

/** The reason of the condition Degraded for a finding about no object; null: the cluster is not told. */
export function degradedBy(code: string): DegradedReason | null {
  const row = besideNat(code);
  return row === undefined ? 'SourceTrouble' : (row.degraded ?? null);
}

function besideNat(code: string): KnownCode | undefined {
  return Object.hasOwn(sideCodes, code) ? sideCodes[code as SideCode] : undefined;
}
