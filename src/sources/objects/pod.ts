import { isRecord } from '../../base/json.ts';
import type { HostPort, PodFact } from '../../model/pod.ts';
import { familyOf, type IpAddress, parseAddress } from '../../net/address.ts';
import { FAMILIES } from '../../net/family.ts';
import { parsePort } from '../../net/port.ts';
import { parseProtocol } from '../../net/protocol.ts';
import type { Fields } from './fields.ts';
import { openObject, type ParseContext, timeOf } from './metadata.ts';
import type { Parsed } from './parsed.ts';
import { parsePodNatAnnotation } from './pod-nat-annotation.ts';
import { NONE } from './shared.ts';

/**
 * A Pod (v1). If it has several addresses, an unusable one is left out with a warning. A bad Pod NAT annotation does
 * not reject the Pod: the fact contains its error, so that the annotation's earlier bindings are removed
 * (docs/spec/pod-nat.md, "Faults of the original").
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

/** `podIPs`, or the older `podIP` if that is absent; empty until the pod has an address. */
function podIPs(status: Fields): readonly IpAddress[] {
  const addresses = status.objectParts('podIPs', (entry) => entry.address('ip'), 'needed');
  if (addresses.length > 0) return addresses;
  const address = status.address('podIP');
  return address === null ? NONE : [address];
}

/**
 * Host ports of a Pod's containers, including sidecars (init containers that restart always). Values that the API
 * server would refuse are ignored, so that they do not reject the Pod.
 */
function hostPortsOf(spec: Fields): readonly HostPort[] {
  const sidecars = spec.items('initContainers').filter((each) => fieldOf(each, 'restartPolicy') === 'Always');
  const found = [...spec.items('containers'), ...sidecars].flatMap((container) => {
    const ports = fieldOf(container, 'ports');
    return Array.isArray(ports) ? ports.flatMap((port) => hostPortOf(port) ?? []) : [];
  });
  return found.length === 0 ? NONE : found;
}

function hostPortOf(value: unknown): HostPort | null {
  const port = parsePort(Number(fieldOf(value, 'hostPort') ?? 0));
  const protocol = parseProtocol(String(fieldOf(value, 'protocol') ?? 'TCP'));
  if (port === null || protocol === null) return null;
  const bound = fieldOf(value, 'hostIP') ?? '';
  if (bound === '') return { protocol, port, address: null, families: FAMILIES };
  const address = parseAddress(String(bound));
  if (address === null) return null;
  const isAny = address === '0.0.0.0' || address === '::';
  return { protocol, port, address: isAny ? null : address, families: [familyOf(address)] };
}

function fieldOf(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}
