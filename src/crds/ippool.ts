import { AGE, type CustomResource, column, type ObjectHead } from './custom-resource.ts';
import { flag, integer, list, object, optional, text, type ValueOf, word } from './field.ts';
import { ipPoolRules } from './ippool-rules.ts';

/** The longest text of a CIDR: IPv6 with an embedded IPv4 address, followed by `/128`. */
const CIDR_LENGTH = 49;

const NO_EFFECT = 'No effect on NAT.';
const MODES = ['Never', 'Always', 'CrossSubnet'] as const;

/** Calico's schema without its internal fields. docs/spec/egress-nat.md, "IPPool objects". */
export const ipPoolSpec = object(
  'The pool.',
  {
    cidr: text('The addresses of the pool, as ADDRESS/LENGTH of the network address.', CIDR_LENGTH),
    natOutgoing: optional(
      flag('Packets from this pool to an address outside all pools leave with the address of the node.'),
      false,
    ),
    disabled: optional(
      flag(
        'No addresses are assigned from the pool. This changes nothing for NAT: a disabled pool over 10.0.0.0/8 means that packets to 10.0.0.0/8 are not translated.',
      ),
      false,
    ),
    allowedUses: optional(
      list(
        'The use of the addresses. A pool for LoadBalancer only does not exempt destinations from egress NAT. An empty list means Workload and Tunnel.',
        word('A use.', ['Workload', 'Tunnel', 'LoadBalancer']),
        10,
      ),
      ['Workload', 'Tunnel'],
    ),
    blockSize: optional(
      integer(
        'Prefix length of the blocks of nodes: 20 to 32 for IPv4 (0 or absent: 26), 116 to 128 for IPv6 (0 or absent: 122). No effect on NAT.',
      ),
    ),
    ipipMode: optional(word(`IPIP encapsulation, IPv4 only. ${NO_EFFECT}`, MODES), 'Never'),
    vxlanMode: optional(word(`VXLAN encapsulation. ${NO_EFFECT}`, MODES), 'Never'),
    nodeSelector: optional(text(`Nodes that may assign addresses of the pool. ${NO_EFFECT}`), 'all()'),
    namespaceSelector: optional(text(`Namespaces whose pods may have addresses of the pool. ${NO_EFFECT}`)),
    assignmentMode: optional(
      word(`Whether pods that name no pool get addresses of it. ${NO_EFFECT}`, ['Automatic', 'Manual']),
      'Automatic',
    ),
    disableBGPExport: optional(flag(`Keep the routes of the pool out of BGP. ${NO_EFFECT}`), false),
  },
  ipPoolRules,
);

export type IPPoolSpec = ValueOf<typeof ipPoolSpec>;

/** @internal used by tests alone */
export type IPPool = ObjectHead<'IPPool'> & { readonly spec: IPPoolSpec };

export const ipPool: CustomResource = {
  kind: 'IPPool',
  plural: 'ippools',
  singular: 'ippool',
  description:
    'A range of pod addresses, and whether packets from it leave with the address of the node. The schema is that of ' +
    "IPPool in projectcalico.org, for clusters without Calico. A pool of the same name in one of Calico's groups takes " +
    'precedence.',
  spec: ipPoolSpec,
  status: null,
  columns: [
    column('CIDR', 'string', '.spec.cidr', 'The addresses of the pool.'),
    column(
      'NAT',
      'boolean',
      '.spec.natOutgoing',
      'Packets from the pool leave with the address of the node.',
    ),
    column('Disabled', 'boolean', '.spec.disabled', 'No addresses are assigned from the pool.'),
    AGE,
  ],
};
