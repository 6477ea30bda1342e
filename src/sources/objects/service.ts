import type { NotOurs, ServiceFact, ServicePortFact, TrafficPolicy } from '../../model/service.ts';
import type { IpAddress } from '../../net/address.ts';
import type { Port } from '../../net/port.ts';
import { type Prefix, parseLoosePrefix } from '../../net/prefix.ts';
import { PROTOCOLS } from '../../net/protocol.ts';
import { describe, type Fields, readOrdinaryAddress } from './fields.ts';
import { FOREIGN_LABELS, openObject, type ParseContext, timeOf } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';
import { NONE } from './shared.ts';

const TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;
const POLICIES: readonly TrafficPolicy[] = ['Cluster', 'Local'];

/** Seconds; the API's default and bounds of `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const AFFINITY = { fallback: 10_800, least: 1, most: 86_400 } as const;

/**
 * A Service (v1). A bad address, port or source range is left out with a warning; a bad field of the whole Service (its
 * type, its policies) rejects it.
 */
export function parseService(object: unknown, context: ParseContext): Parsed<ServiceFact> {
  const { namespace, name, fields, metadata, report } = openObject('Service', object, context.shared);
  const spec = fields.object('spec');
  const type = spec.word('type', TYPES, 'ClusterIP');
  const reason = notOurs(type, spec, metadata.object('labels'));
  const virtual = reason === null || reason.kind === 'label';
  return report.finish({
    namespace,
    name,
    uid: metadata.text('uid'),
    createdAt: timeOf(metadata.text('creationTimestamp')) ?? 0,
    notOurs: reason,
    clusterIPs: virtual ? spec.textPartsOr('clusterIPs', 'clusterIP', readOrdinaryAddress) : NONE,
    externalIPs: spec.textParts('externalIPs', readOrdinaryAddress),
    loadBalancerIPs: report.part(() => loadBalancerIPs(fields.object('status'), report)) ?? NONE,
    loadBalancerSourceRanges: sourceRanges(spec, report),
    ports: ports(spec, type === 'NodePort' || type === 'LoadBalancer', context, report),
    internalTrafficPolicy: spec.word('internalTrafficPolicy', POLICIES, 'Cluster'),
    externalTrafficPolicy: spec.word('externalTrafficPolicy', POLICIES, 'Cluster'),
    affinityTimeoutSeconds: report.part(() => affinityTimeout(spec, report)),
    healthCheckNodePort: report.part(() => spec.optionalPort('healthCheckNodePort')),
  });
}

function notOurs(type: (typeof TYPES)[number], spec: Fields, labels: Fields): NotOurs | null {
  if (type === 'ExternalName') return { kind: 'ExternalName' };
  if (spec.text('clusterIP') === 'None' || spec.items('clusterIPs')[0] === 'None')
    return { kind: 'headless' };
  const label = FOREIGN_LABELS.find((key) => labels.has(key));
  return label === undefined ? null : { kind: 'label', label };
}

/** Without names, and without addresses that a proxy elsewhere terminates (an unknown ipMode counts as that). */
function loadBalancerIPs(status: Fields, report: ParseReport): readonly IpAddress[] {
  return status.object('loadBalancer').objectParts('ingress', (entry) => {
    const mode = entry.word('ipMode', ['VIP', 'Proxy'], 'VIP');
    const text = mode === 'Proxy' ? '' : entry.text('ip');
    return text === '' ? null : readOrdinaryAddress(text, () => entry.path('ip'), report);
  });
}

/** Null without entries; an empty list, which allows no source, if no entry is usable. */
function sourceRanges(spec: Fields, report: ParseReport): readonly Prefix[] | null {
  if (spec.items('loadBalancerSourceRanges').length === 0) return null;
  return spec.parts('loadBalancerSourceRanges', (item, path) => {
    const text = typeof item === 'string' ? item : describe(item);
    // Host bits are cleared, since the API server accepts them.
    const range = typeof item === 'string' ? parseLoosePrefix(item.trim()) : null;
    if (range === null) {
      report.warn('KNAT_SOURCE_RANGE_IGNORED', path(), `"${text}" is no CIDR and is left out: correct it`);
    }
    return range;
  });
}

/** An API server checks node ports against its range; those from a folder are checked here. */
function nodePortOf(entry: Fields, { nodePortRange: range }: ParseContext, report: ParseReport): Port | null {
  const port = entry.optionalPort('nodePort');
  if (port === null || range === undefined || (range.first <= port && port <= range.last)) return port;
  const message = `${port} is not in the range of node ports, ${range.first}-${range.last}: choose another, or widen --service-node-port-range`;
  report.error('KNAT_NODE_PORT_RANGE', entry.path('nodePort'), message);
  return null;
}

/** Unusable ports are left out; a Service without a usable port is rejected. */
function ports(
  spec: Fields,
  hasNodePorts: boolean,
  context: ParseContext,
  report: ParseReport,
): readonly ServicePortFact[] {
  const seen = new Set<string>();
  let key = '';
  let isShared = true;
  const read = (entry: Fields): ServicePortFact | null => {
    const name = context.shared.text(entry.text('name'));
    const protocol = entry.word('protocol', PROTOCOLS, 'TCP');
    const port = entry.port('port');
    const nodePort = hasNodePorts ? report.part(() => nodePortOf(entry, context, report)) : null;
    if (!entry.has('port')) {
      report.error('KNAT_FIELD_REQUIRED', entry.path('port'), 'a service port needs a number: add port');
    }
    if (port === null || report.failed) return null; // what cannot be used claims nothing
    claim(seen, entry, 'name', `name ${name === '' ? 'that is empty' : `"${name}"`}`, report);
    claim(seen, entry, 'port', `${protocol} port ${port}`, report);
    key += `${name}/${protocol}/${port},`;
    isShared &&= nodePort === null; // no two Services have the same node port
    return { name, protocol, port, nodePort };
  };
  const facts = spec.objectParts('ports', read, 'needed');
  return isShared ? context.shared.list(`Service ${key}`, facts) : facts;
}

/** What an earlier port of the Service has is an error. */
function claim(seen: Set<string>, entry: Fields, field: string, what: string, report: ParseReport): void {
  if (seen.has(what)) {
    report.error('KNAT_FIELD_DUPLICATE', entry.path(field), `another port of the Service has the ${what}`);
  }
  seen.add(what);
}

function affinityTimeout(spec: Fields, report: ParseReport): number | null {
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
