import type { ServiceFact, ServicePortFact, TrafficPolicy } from '../../model/service.ts';
import type { IpAddress } from '../../net/address.ts';
import { type Prefix, parseLoosePrefix } from '../../net/prefix.ts';
import { PROTOCOLS } from '../../net/protocol.ts';
import type { Fields } from './fields.ts';
import { FOREIGN_LABELS, openObject, type ParseContext, timeOf } from './metadata.ts';
import type { Parsed, Report } from './parsed.ts';
import { NONE } from './shared.ts';

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;
const POLICIES: readonly TrafficPolicy[] = ['Cluster', 'Local'];

/** Seconds; the API's default and bounds of `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const AFFINITY = { fallback: 10_800, least: 1, most: 86_400 } as const;

/**
 * A Service (v1). One bad field rejects the Service as a whole, except an unusable entry of
 * loadBalancerSourceRanges, which is a warning: the other entries go on restricting.
 */
export function parseService(object: unknown, context: ParseContext): Parsed<ServiceFact> {
  const { namespace, name, fields, metadata, report } = openObject('Service', object, context.shared);
  const spec = fields.object('spec');
  const type = spec.word('type', TYPES, 'ClusterIP');
  const reason = notOurs(type, spec, metadata.object('labels'));
  const virtual = reason === null || reason.startsWith('label');
  return report.finish({
    namespace,
    name,
    uid: metadata.text('uid'),
    createdAt: timeOf(metadata.text('creationTimestamp')) ?? 0,
    notOurs: reason,
    clusterIPs: virtual ? clusterIPs(spec) : NONE,
    externalIPs: spec.addresses('externalIPs'),
    loadBalancerIPs: loadBalancerIPs(fields.object('status')),
    loadBalancerSourceRanges: sourceRanges(spec, report),
    ports: ports(spec, type === 'NodePort' || type === 'LoadBalancer', context, report),
    internalTrafficPolicy: spec.word('internalTrafficPolicy', POLICIES, 'Cluster'),
    externalTrafficPolicy: spec.word('externalTrafficPolicy', POLICIES, 'Cluster'),
    affinityTimeoutSeconds: affinityTimeout(spec, report),
    healthCheckNodePort: spec.optionalPort('healthCheckNodePort'),
  });
}

function notOurs(type: (typeof TYPES)[number], spec: Fields, labels: Fields): string | null {
  if (type === 'ExternalName') return 'ExternalName';
  if (spec.text('clusterIP') === 'None' || spec.items('clusterIPs')[0] === 'None') return 'headless';
  const label = FOREIGN_LABELS.find((key) => labels.has(key));
  return label === undefined ? null : `label ${label}`;
}

/** `clusterIPs`, or the older `clusterIP` where that is all there is. */
function clusterIPs(spec: Fields): readonly IpAddress[] {
  if (spec.items('clusterIPs').length > 0) return spec.addresses('clusterIPs');
  const address = spec.address('clusterIP');
  return address === null ? NONE : [address];
}

/** Virtual addresses that we answer for: not names, and not those that a proxy elsewhere terminates. */
function loadBalancerIPs(status: Fields): readonly IpAddress[] {
  const ingress = status.object('loadBalancer').objects('ingress');
  if (ingress.length === 0) return NONE;
  const addresses: IpAddress[] = [];
  for (const entry of ingress) {
    if (entry.word('ipMode', ['VIP', 'Proxy'], 'VIP') === 'Proxy') continue;
    const address = entry.address('ip');
    if (address !== null) addresses.push(address);
  }
  return addresses;
}

/** Null without entries; an empty list, which allows nobody, when no entry is usable. */
function sourceRanges(spec: Fields, report: Report): readonly Prefix[] | null {
  const texts = spec.texts('loadBalancerSourceRanges');
  if (texts.length === 0) return null;
  const ranges: Prefix[] = [];
  for (const [index, text] of texts.entries()) {
    // Host bits are cleared, as the API server does not refuse them.
    const range = parseLoosePrefix(text.trim());
    if (range !== null) ranges.push(range);
    else {
      const path = `${spec.path('loadBalancerSourceRanges')}[${index}]`;
      report.warn('KNAT_SOURCE_RANGE_IGNORED', path, `"${text}" is no CIDR and is left out: correct it`);
    }
  }
  return ranges;
}

function ports(
  spec: Fields,
  hasNodePorts: boolean,
  context: ParseContext,
  report: Report,
): readonly ServicePortFact[] {
  const facts: ServicePortFact[] = [];
  const seen = new Set<string>();
  for (const entry of spec.objects('ports')) {
    const name = context.shared.text(entry.text('name'));
    const protocol = entry.word('protocol', PROTOCOLS, 'TCP');
    const port = entry.port('port');
    const nodePort = hasNodePorts ? entry.optionalPort('nodePort') : null;
    if (!entry.has('port')) {
      report.error('KNAT_FIELD_REQUIRED', entry.path('port'), 'a service port needs a number: add port');
    }
    if (port === null) continue;
    for (const [field, claim] of [
      ['name', `name ${name === '' ? 'that is empty' : `"${name}"`}`],
      ['port', `${protocol} port ${port}`],
    ] as const) {
      if (seen.has(claim)) {
        report.error(
          'KNAT_FIELD_DUPLICATE',
          entry.path(field),
          `another port of the Service has the ${claim}`,
        );
      }
      seen.add(claim);
    }
    facts.push({ name, protocol, port, nodePort });
  }
  return facts.length === 0 ? NONE : facts;
}

function affinityTimeout(spec: Fields, report: Report): number | null {
  if (spec.word('sessionAffinity', ['None', 'ClientIP'], 'None') === 'None') return null;
  const client = spec.object('sessionAffinityConfig').object('clientIP');
  const seconds = client.integer('timeoutSeconds') ?? AFFINITY.fallback;
  if (seconds < AFFINITY.least || seconds > AFFINITY.most) {
    report.error(
      'KNAT_FIELD_VALUE',
      client.path('timeoutSeconds'),
      `${seconds} is out of range: use ${AFFINITY.least} to ${AFFINITY.most} seconds`,
    );
  }
  return seconds;
}
