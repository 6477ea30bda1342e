import type { EgressDestination, EgressRuleFact } from '../../model/egress-rule.ts';
import type { PortSpan } from '../../net/port.ts';
import { PROTOCOLS, type Protocol } from '../../net/protocol.ts';
import { type Fields, readPrefix } from './fields.ts';
import { readLabelSelector } from './label-selector.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';

const ACTIONS = ['Keep', 'Masquerade', 'Snat'] as const;
const FALLBACKS = ['node', 'drop'] as const;

/** The priority of a rule without one. */
const DEFAULT_PRIORITY = 1000;
const MOST_PRIORITY = 1_000_000;

/** An EgressRule (knat.dev/v1): docs/egress.md, src/crds/egress-rule.ts. */
export function parseEgressRule(object: unknown, context: ParseContext): Parsed<EgressRuleFact> {
  const { name, fields, report } = openObject('EgressRule', object, context.shared);
  const spec = fields.object('spec');
  const from = spec.object('from');
  spec.knowsOnly('priority', 'reason', 'from', 'to', 'action', 'addresses', 'fallback');
  from.knowsOnly('pools', 'namespaceSelector', 'podSelector');
  const action = spec.word('action', ACTIONS, 'Keep');
  if (spec.text('action') === '') {
    const message = `set action to one of ${ACTIONS.join(', ')}`;
    report.error('KNAT_FIELD_REQUIRED', spec.path('action'), message);
  }
  const fact: EgressRuleFact = {
    name,
    priority: priority(spec, report),
    reason: spec.text('reason'),
    pools: from.texts('pools'),
    namespaceSelector: readLabelSelector(from, 'namespaceSelector', report),
    podSelector: readLabelSelector(from, 'podSelector', report),
    to: destinations(spec, report),
    action,
    addresses: spec.addresses('addresses'),
    fallback: spec.word('fallback', FALLBACKS, 'node'),
  };
  checkAddresses(spec, fact, report);
  return report.finish(fact);
}

function priority(spec: Fields, report: ParseReport): number {
  const number = spec.integer('priority') ?? DEFAULT_PRIORITY;
  if (number < 0 || number > MOST_PRIORITY) {
    const message = `${number} is no priority: use a whole number from 0 to ${MOST_PRIORITY}, the lowest comes first`;
    report.error('KNAT_FIELD_VALUE', spec.path('priority'), message);
  }
  return number;
}

function checkAddresses(spec: Fields, { action, addresses }: EgressRuleFact, report: ParseReport): void {
  const path = spec.path('addresses');
  if (action === 'Snat' && spec.items('addresses').length === 0) {
    report.error('KNAT_FIELD_REQUIRED', path, 'Snat needs at least one address to leave with');
  } else if (action !== 'Snat' && addresses.length > 0) {
    report.error('KNAT_FIELD_VALUE', path, 'only Snat uses addresses: remove them, or set action to Snat');
  }
  if (action !== 'Snat' && spec.text('fallback') === 'drop') {
    const message = 'fallback applies to Snat only: remove it';
    report.error('KNAT_FIELD_VALUE', spec.path('fallback'), message);
  }
}

function destinations(spec: Fields, report: ParseReport): EgressDestination[] {
  return spec.objects('to').flatMap((entry) => {
    entry.knowsOnly('cidr', 'protocol', 'port', 'endPort');
    const protocol = entry.optionalWord('protocol', PROTOCOLS);
    const ports = readPorts(entry, protocol, report);
    const text = entry.text('cidr');
    if (text === '') {
      report.error(
        'KNAT_FIELD_REQUIRED',
        entry.path('cidr'),
        'a destination needs a network: 0.0.0.0/0 for all of IPv4',
      );
      return [];
    }
    const cidr = readPrefix(text, () => entry.path('cidr'), report);
    return cidr === null ? [] : [{ cidr, protocol, ports }];
  });
}

function readPorts(entry: Fields, protocol: Protocol | null, report: ParseReport): PortSpan | null {
  const first = entry.port('port');
  const last = entry.port('endPort') ?? first;
  if (first === null || last === null) {
    if (entry.has('endPort') && !entry.has('port')) {
      report.error('KNAT_FIELD_REQUIRED', entry.path('port'), 'endPort needs port, the first of the range');
    }
    return null;
  }
  if (protocol === null && !entry.has('protocol')) {
    report.error('KNAT_FIELD_REQUIRED', entry.path('protocol'), 'a port needs a protocol: TCP, UDP or SCTP');
  }
  if (last < first) {
    report.error('KNAT_PORT_INVALID', entry.path('endPort'), `${first} to ${last} runs backwards`);
  }
  return { first, last };
}
