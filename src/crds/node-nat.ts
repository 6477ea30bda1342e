import { AGE, type CustomResource, column, type ObjectHead } from './custom-resource.ts';
import { integer, list, object, optional, text, time, type ValueOf, word } from './field.ts';

/**
 * Bounds of the status, so that an object always stays below 1 MiB: etcd accepts 1.5 MiB. The lists contain the first
 * items in the order of their keys; `counts` counts all. test/chart/crds.test.ts adds up the sizes.
 */
export const NODE_NAT_BOUNDS = {
  bindings: 500,
  conflicts: 100,
  losers: 8,
  rejected: 100,
  /** In characters. */
  message: 1024,
} as const;

/** Lengths of Kubernetes names (DNS subdomain, DNS label), and of the longest IPv6 address, in characters. */
const NAME = 253;
const NAMESPACE = 63;
const ADDRESS = 45;

const objectRef = (description: string) =>
  object(description, {
    kind: text('Its kind.', 32),
    namespace: optional(text('Its namespace; absent if it has none.', NAMESPACE)),
    name: text('Its name.', NAME),
  });

const protocol = word('The protocol.', ['TCP', 'UDP', 'SCTP']);

const binding = object('A node address and port that leads to a pod.', {
  address: text('Address of the node.', ADDRESS),
  port: integer('Port of the node, the first of a range.', 1),
  lastPort: optional(integer('The last port of a range; absent for a single port.', 1)),
  protocol,
  pod: object('The pod.', {
    namespace: text('Its namespace.', NAMESPACE),
    name: text('Its name.', NAME),
  }),
  podAddress: text('Address of the pod.', ADDRESS),
  podPort: integer('Port of the pod, the first of a range of the same length.', 1),
});

const conflict = object('Something that several objects claim and one owns.', {
  reason: optional(text('The reason of the Events of the losers: NatConflict.', 64)),
  key: text('The claim: 203.0.113.7:25/TCP.', 64),
  winner: objectRef('The owner.'),
  losers: list('The objects that do not get it.', objectRef('An object.'), NODE_NAT_BOUNDS.losers),
  because: text('The rule that decided.', 256),
});

const rejected = object('An object, or a part of one, that gets no NAT.', {
  object: objectRef('The object.'),
  reason: text('The reason of its Event, in CamelCase: NatInvalid.', 64),
  code: optional(text('Stable code, KNAT_…; docs/errors.md lists all.', 64)),
  field: optional(text('Path of the field: spec.ports[0].port.', 256)),
  message: text('What is wrong and what to do.', NODE_NAT_BOUNDS.message),
});

/** The form of metav1.Condition. */
const condition = object('A condition.', {
  type: word('Which condition.', ['Synced', 'Programmed', 'Degraded', 'ServiceNAT']),
  status: word('Whether it is true.', ['True', 'False', 'Unknown']),
  observedGeneration: optional(integer('metadata.generation to which the condition applies.', 0)),
  lastTransitionTime: time('When the status last changed.'),
  reason: text('Why, in CamelCase.', 64),
  message: text('Why, for people.', NODE_NAT_BOUNDS.message),
});

const count = (description: string) => integer(description, 0);

export const nodeNatStatus = object('What the agent of the node has programmed; only the agent writes it.', {
  node: text('Name of the node; the object has the same name.', NAME),
  version: text('Version of knat.', 64),
  mode: word('The kernel interface in use.', ['nftables', 'iptables']),
  kernel: optional(text('Kernel release of the node.', 128)),
  enabled: list('Kinds of NAT that are on.', word('A kind.', ['service', 'pod', 'egress']), 3),
  counts: object('Numbers of programmed and rejected items.', {
    services: count('Services with at least one frontend.'),
    frontends: count('Frontends of Services: address, protocol and port.'),
    bindings: count('Pod NAT bindings.'),
    podSources: count('Pods whose own connections leave with the address of a binding, counted by address.'),
    pools: count('IPPools.'),
    conflicts: count('Conflicts, including those that are not listed.'),
    rejected: count('Rejected objects, including those that are not listed.'),
  }),
  bindings: optional(list('The Pod NAT bindings.', binding, NODE_NAT_BOUNDS.bindings)),
  conflicts: optional(list('Claims of several objects to the same.', conflict, NODE_NAT_BOUNDS.conflicts)),
  rejected: optional(list('Objects without NAT, and why.', rejected, NODE_NAT_BOUNDS.rejected)),
  conditions: list(
    'Synced: every source has delivered all objects. Programmed: the kernel has what the sources want. Degraded: something needs attention. ServiceNAT: knat does the NAT of Services.',
    condition,
    8,
    ['type'],
  ),
});

export type NodeNatStatus = ValueOf<typeof nodeNatStatus>;

/** @internal used by tests alone */
export type NodeNat = ObjectHead<'NodeNAT'> & { readonly status?: NodeNatStatus };

export const nodeNat: CustomResource = {
  kind: 'NodeNAT',
  plural: 'nodenats',
  singular: 'nodenat',
  description:
    'The state of knat on a node: one object per node, with the name of the node, written by the agent there and ' +
    'owned by the Node, so that it is deleted with it.',
  spec: null,
  status: nodeNatStatus,
  columns: [
    column('Node', 'string', '.status.node', 'The node.'),
    column('Mode', 'string', '.status.mode', 'The kernel interface in use.'),
    counted('Services', 'services'),
    counted('Bindings', 'bindings'),
    counted('Pools', 'pools'),
    counted('Conflicts', 'conflicts'),
    column(
      'Ready',
      'string',
      '.status.conditions[?(@.type=="Programmed")].status',
      'The kernel has what the sources want.',
    ),
    AGE,
  ],
};

function counted(name: string, key: keyof NodeNatStatus['counts']) {
  return column(name, 'integer', `.status.counts.${key}`, `How many ${key}.`);
}
