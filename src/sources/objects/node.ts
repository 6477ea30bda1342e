import type { NodeAddressType, NodeFact } from '../../model/node.ts';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { type Fields, readPrefix } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';

/** Taint of the cluster autoscaler before it deletes a node; kube-proxy's health check uses it too. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Where Calico writes the address that it uses for a node: `192.0.2.1/24`. */
const CALICO_ADDRESSES = ['projectcalico.org/IPv4Address', 'projectcalico.org/IPv6Address'] as const;

/** A Node (v1): addresses, pod ranges, labels, and whether it is being deleted. */
export function parseNode(object: unknown, context: ParseContext): Parsed<NodeFact> {
  const { name, fields, metadata, report } = openObject('Node', object, context.shared);
  const spec = fields.object('spec');
  return report.finish({
    name: context.shared.text(name),
    uid: metadata.text('uid'),
    addresses: addresses(fields.object('status'), metadata.object('annotations'), report),
    podCIDRs: spec.textPartsOr('podCIDRs', 'podCIDR', readPrefix),
    labels: metadata.textMap('labels'),
    terminating: metadata.text('deletionTimestamp') !== '',
    excludedByAutoscaler: spec.objects('taints').some((taint) => taint.text('key') === TO_BE_DELETED),
  });
}

function addresses(status: Fields, annotations: Fields, report: ParseReport): NodeFact['addresses'] {
  const facts = new Map<IpAddress, NodeAddressType>();
  const add = (type: NodeAddressType, address: IpAddress | null) => {
    if (address !== null && !facts.has(address)) facts.set(address, type);
  };
  const read = (entry: Fields): IpAddress | null => {
    const type = entry.text('type');
    if (type !== 'InternalIP' && type !== 'ExternalIP' && type !== 'Hostname') return null;
    // A host name is usually no address and is then ignored.
    const address = type === 'Hostname' ? parseAddress(entry.text('address')) : entry.address('address');
    add(type, address);
    return address;
  };
  status.objectParts('addresses', read, 'needed');
  for (const key of CALICO_ADDRESSES) {
    const text = annotations.text(key);
    if (text === '') continue;
    const address = parseAddress(text.replace(/\/\d+$/, ''));
    if (address !== null) add('Calico', address);
    else {
      const message = `"${text}" is no address and is left out: it is written ADDRESS/LENGTH`;
      report.warn('KNAT_ADDRESS_INVALID', annotations.path(key), message);
    }
  }
  return [...facts].map(([address, type]) => ({ type, address }));
}
