import { AGE, type CustomResource, type ObjectHead } from './custom-resource.ts';
import { flag, integer, list, object, optional, text, type ValueOf, word } from './field.ts';
import { ipPoolRules } from './ippool-rules.ts';

/** The longest text of a CIDR: eight groups of IPv6 with an embedded IPv4 address, `/128` behind it. */
const CIDR_LENGTH = 49;

const NO_EFFECT = 'No effect on NAT.';
const MODES = ['Never', 'Always', 'CrossSubnet'] as const;

/** Calico's schema, without what Calico itself keeps for internal use. docs/spec/egress-nat.md, "IPPool objects". */
export const ipPoolSpec = object(
  'What the pool is.',
  {
    cidr: text('The addresses of the pool, as ADDRESS/LENGTH of the network address.', CIDR_LENGTH),
    natOutgoing: optional(
      flag('What leaves this pool for an address outside of all pools gets the address of the node.'),
      false,
    ),
    disabled: optional(
      flag(
        'No addresses are assigned from the pool. Nothing changes for NAT: a disabled pool over 10.0.0.0/8 means that packets to 10.0.0.0/8 are not NATed.',
      ),
      false,
    ),
    allowedUses: optional(
      list(
        'What the addresses are used for. A pool for LoadBalancer alone is no destination that egress NAT leaves alone. An empty list means Workload and Tunnel.',
        word('A use.', ['Workload', 'Tunnel', 'LoadBalancer']),
        10,
      ),
      ['Workload', 'Tunnel'],
    ),
    blockSize: optional(
      integer(
        'Prefix length of the blocks that nodes get: 20 to 32 for IPv4 (0 or absent: 26), 116 to 128 for IPv6 (0 or absent: 122). No effect on NAT.',
      ),
    ),
    ipipMode: optional(word(`IPIP encapsulation, IPv4 only. ${NO_EFFECT}`, MODES), 'Never'),
    vxlanMode: optional(word(`VXLAN encapsulation. ${NO_EFFECT}`, MODES), 'Never'),
    nodeSelector: optional(text(`Nodes that may assign addresses of the pool. ${NO_EFFECT}`), 'all()'),
    namespaceSelector: optional(text(`Namespaces whose pods may have addresses of the pool. ${NO_EFFECT}`)),
    assignmentMode: optional(
      word(`Whether addresses are assigned to who names no pool. ${NO_EFFECT}`, ['Automatic', 'Manual']),
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
    'A range of pod addresses, and whether what leaves it gets the address of the node. The schema is that of ' +
    'IPPool in projectcalico.org, for clusters without Calico. Where a pool of the same name stands in one of ' +
    "Calico's groups, that one counts.",
  spec: ipPoolSpec,
  status: null,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr', description: 'The addresses of the pool.' },
    {
      name: 'NAT',
      type: 'boolean',
      jsonPath: '.spec.natOutgoing',
      description: 'What leaves the pool gets the address of the node.',
    },
    {
      name: 'Disabled',
      type: 'boolean',
      jsonPath: '.spec.disabled',
      description: 'No addresses are assigned from the pool.',
    },
    AGE,
  ],
};
