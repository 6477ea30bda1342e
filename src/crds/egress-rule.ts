import { AGE, type CustomResource, column, type ObjectHead } from './custom-resource.ts';
import { integer, list, object, optional, rule, text, texts, type ValueOf, word } from './field.ts';

/** Lengths in characters: of a CIDR, an address, a label's key (DNS subdomain, `/`, name) and value, a name. */
const CIDR = 49;
const ADDRESS = 45;
const LABEL_KEY = 317;
const LABEL_VALUE = 63;
const NAME = 253;

const selector = (description: string) =>
  object(description, {
    matchLabels: optional(texts('Labels with the required values; all must match.', LABEL_VALUE, 16)),
    matchExpressions: optional(
      list(
        'Further requirements; all must match.',
        object('A requirement.', {
          key: text('Name of the label.', LABEL_KEY),
          operator: word('The comparison.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: optional(list('The values, for In and NotIn.', text('A value.', LABEL_VALUE), 32)),
        }),
        16,
      ),
    ),
  });

const port = (description: string) => integer(description, 1, 65535);

const destination = object(
  'A destination.',
  {
    cidr: text('The network, as ADDRESS/LENGTH of the network address; 0.0.0.0/0 is all of IPv4.', CIDR),
    protocol: optional(word('The protocol; absent: all protocols.', ['TCP', 'UDP', 'SCTP'])),
    port: optional(port('The port, or the first of a range; absent: all ports.')),
    endPort: optional(port('The last port of the range.')),
  },
  [
    rule('.cidr', 'isCIDR(self.cidr)', 'the network is no CIDR: write ADDRESS/LENGTH'),
    rule(
      '.cidr',
      '!isCIDR(self.cidr) || cidr(self.cidr) == cidr(self.cidr).masked()',
      'the network has host bits set: write the network address',
    ),
    rule('.protocol', '!has(self.port) || has(self.protocol)', 'a port needs a protocol: TCP, UDP or SCTP'),
    rule('.port', '!has(self.endPort) || has(self.port)', 'endPort needs port, the first of the range'),
    rule(
      '.endPort',
      '!has(self.endPort) || !has(self.port) || self.port <= self.endPort',
      'the range of ports runs backwards',
    ),
  ],
);

/** Lists are bounded so that a rule stays readable; there may be many rules. */
export const egressRuleSpec = object(
  'The rule.',
  {
    priority: optional(
      integer(
        'The rule with the lowest priority comes first; of equal ones the first by name.',
        0,
        1_000_000,
      ),
      1000,
    ),
    reason: optional(text('Why the rule exists; shown wherever it decides.', 256)),
    from: optional(
      object('The sources; absent: all pools with natOutgoing.', {
        pools: optional(list('IPPools that contain the source.', text('Name of an IPPool.', NAME), 64)),
        namespaceSelector: optional(selector('Labels of the namespaces of the pods; empty: all namespaces.')),
        podSelector: optional(selector('Labels of the pods; empty: all pods.')),
      }),
    ),
    to: optional(
      list('Destinations, in pools too; absent: all destinations outside the pools.', destination, 64),
    ),
    action: word(
      'Keep: the source stays. Masquerade: it becomes an address of the node. Snat: it becomes one of the addresses.',
      ['Keep', 'Masquerade', 'Snat'],
    ),
    addresses: optional(
      list(
        'With Snat: the addresses to leave with. If several are on the node, a pod always gets the same one. The rule does not apply to a family without an address.',
        text('An address.', ADDRESS),
        64,
      ),
    ),
    fallback: optional(
      word(
        'With Snat, if none of the addresses is on the node or the pod is not known yet. node: packets leave with the address of the node, or as if the rule did not exist. drop: packets are dropped.',
        ['node', 'drop'],
      ),
      'node',
    ),
  },
  [
    rule(
      '.addresses',
      "self.action != 'Snat' || (has(self.addresses) && size(self.addresses) > 0)",
      'Snat needs at least one address to leave with',
    ),
    rule(
      '.addresses',
      "self.action == 'Snat' || !has(self.addresses) || size(self.addresses) == 0",
      'only Snat uses addresses: remove them, or set action to Snat',
    ),
    rule(
      '.addresses',
      '!has(self.addresses) || self.addresses.all(address, isIP(address))',
      'one of the addresses is no IPv4 or IPv6 address',
    ),
    rule(
      '.fallback',
      "self.action == 'Snat' || self.fallback != 'drop'",
      'fallback applies to Snat only: remove it',
    ),
  ],
);

export type EgressRuleSpec = ValueOf<typeof egressRuleSpec>;

/** @internal used by tests alone */
export type EgressRule = ObjectHead<'EgressRule'> & { readonly spec: EgressRuleSpec };

export const egressRule: CustomResource = {
  kind: 'EgressRule',
  plural: 'egressrules',
  singular: 'egressrule',
  description:
    'An exception from the NAT of the pools: destinations to which pods keep their address, destinations in a pool to which ' +
    'they are masqueraded, and the addresses with which pods leave. The rule with the lowest priority that matches source ' +
    'and destination decides; if none matches, the pools decide. `docs/egress.md` has examples.',
  spec: egressRuleSpec,
  status: null,
  columns: [
    column('Priority', 'integer', '.spec.priority', 'The lowest comes first.'),
    column('Action', 'string', '.spec.action', 'What is done with the source.'),
    column('Addresses', 'string', '.spec.addresses', 'The new source, with Snat.'),
    column('Reason', 'string', '.spec.reason', 'Why the rule exists.'),
    AGE,
  ],
};
