import type { PodFact } from '../../model/pod.ts';
import type { IpAddress } from '../../net/address.ts';
import type { Fields } from './fields.ts';
import { hostPortsOf } from './host-ports.ts';
import { openObject, type ParseContext, timeOf } from './metadata.ts';
import type { Parsed } from './parsed.ts';
import { parsePodNatAnnotation } from './pod-nat-annotation.ts';
import { NONE } from './shared.ts';

/**
 * A Pod (v1). An address of several that cannot be used is left out with a warning. A bad Pod NAT annotation does not reject the Pod: the fact carries its error, so that the bindings of
 * the annotation before it go (docs/spec/pod-nat.md, "Faults of the original").
 */
export function parsePod(object: unknown, context: ParseContext): Parsed<PodFact> {
  const { namespace, name, fields, metadata, report } = openObject('Pod', object, context.shared);
  const spec = fields.object('spec');
  const status = fields.object('status');
  const phase = status.text('phase');
  const annotation = metadata.object('annotations').optionalText(context.podNat.annotationKey);
  return report.finish({
    namespace,
    name,
    uid: metadata.text('uid'),
    createdAt: timeOf(metadata.text('creationTimestamp')) ?? 0,
    labels: metadata.textMap('labels'),
    nodeName: context.shared.text(spec.text('nodeName')),
    hostNetwork: spec.flag('hostNetwork') ?? false,
    finished: phase === 'Succeeded' || phase === 'Failed',
    terminating: metadata.text('deletionTimestamp') !== '',
    ready: isReady(status),
    ips: podIPs(status),
    hostPorts: spec.flag('hostNetwork') === true ? NONE : hostPortsOf(spec),
    nat: annotation === null ? null : parsePodNatAnnotation(annotation, context.podNat),
  });
}

function isReady(status: Fields): boolean {
  const condition = status.objects('conditions').find((entry) => entry.text('type') === 'Ready');
  return condition?.text('status') === 'True';
}

/** `podIPs`, or the older `podIP` where that is all there is; empty until the pod has an address. */
function podIPs(status: Fields): readonly IpAddress[] {
  const addresses = status.objectParts('podIPs', (entry) => entry.address('ip'), 'needed');
  if (addresses.length > 0) return addresses;
  const address = status.address('podIP');
  return address === null ? NONE : [address];
}
