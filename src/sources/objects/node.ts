import type { NodeFact } from '../../model/node.ts';
import { type Fields, readPrefix } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, Report } from './parsed.ts';
import { NONE } from './shared.ts';

/** A Node (v1): the addresses by which it is known, its pod ranges and its labels. */
export function parseNode(object: unknown, context: ParseContext): Parsed<NodeFact> {
  const { name, fields, metadata, report } = openObject('Node', object, context.shared);
  return report.finish({
    name: context.shared.text(name),
    addresses: addresses(fields.object('status')),
    podCIDRs: podCIDRs(fields.object('spec'), report),
    labels: metadata.textMap('labels'),
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
