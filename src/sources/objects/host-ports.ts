import type { HostPort } from '../../model/pod.ts';
import { familyOf, parseAddress } from '../../net/address.ts';
import { FAMILIES } from '../../net/family.ts';
import { parsePort } from '../../net/port.ts';
import { parseProtocol } from '../../net/protocol.ts';
import type { Fields } from './fields.ts';
import { NONE } from './shared.ts';

/**
 * The ports that the CNI plugin maps for a Pod's containers, those of sidecars (init containers that restart always)
 * among them. What the API server would refuse is passed over: it must not keep the Pod from being known.
 */
export function hostPortsOf(spec: Fields): readonly HostPort[] {
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
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
