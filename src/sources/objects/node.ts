import type { NodeFact } from '../../model/node.ts';
import { type Fields, readPrefix } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, Report } from './parsed.ts';
import { NONE } from './shared.ts';

/** The taint that the cluster autoscaler sets before it deletes a node; kube-proxy's health check knows it too. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** A Node (v1): the addresses by which it is known, its pod ranges, its labels, and whether it is on its way out. */
export function parseNode(object: unknown, context: ParseContext): Parsed<NodeFact> {
  const { name, fields, metadata, report } = openObject('Node', object, context.shared);
  const spec = fields.object('spec');
  return report.finish({
    name: context.shared.text(name),
    addresses: addresses(fields.object('status')),
    podCIDRs: podCIDRs(spec, report),
    labels: metadata.textMap('labels'),
    terminating: metadata.text('deletionTimestamp') !== '',
    excludedByAutoscaler: spec.objects('taints').some((taint) => taint.text('key') === TO_BE_DELETED),
  });
}

function addresses(status: Fields): NodeFact['addresses'] {
  const facts: NodeFact['addresses'][number][] = [];
  for (const entry of status.objects('addresses')) {
    const type = entry.text('type');
    if (type !== 'InternalIP' && type !== 'ExternalIP') continue;
    const address = entry.address('address');
    if (address !== null) facts.push({ type, address });
  }
  return facts;
}

/** `podCIDRs`, or the older `podCIDR` where that is all there is. */
function podCIDRs(spec: Fields, report: Report): NodeFact['podCIDRs'] {
  if (spec.items('podCIDRs').length > 0) return spec.prefixes('podCIDRs');
  const text = spec.text('podCIDR');
  const prefix = text === '' ? null : readPrefix(text, spec.path('podCIDR'), report);
  return prefix === null ? NONE : [prefix];
}
