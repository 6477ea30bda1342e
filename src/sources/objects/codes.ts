/**
 * Every problem code of the parsers, of the folder source and of the Kubernetes source: what it means and what to do. One table, so that
 * docs/errors.md can be checked against it; a code never changes its meaning.
 */
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
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;

export type SourceCode = keyof typeof sourceCodes;
