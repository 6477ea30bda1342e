import type { PortSpan } from '../../net/port.ts';
import { defaultPodNatPolicy } from '../../plan/options.ts';
import type { PodNatPolicy, ReservedPorts } from '../../plan/pod-nat-policy.ts';
import type { SettingValues } from './table.ts';

/** What the options let the Pod NAT annotation do. Where the agent itself listens is reserved too. */
export function podNatPolicy(values: SettingValues): PodNatPolicy {
  const standard = defaultPodNatPolicy;
  return {
    namespaces: values.podNatNamespaces ?? standard.namespaces,
    namespaceSelector: values.podNatNamespaceSelector ?? standard.namespaceSelector,
    ports: values.podNatPorts ?? standard.ports,
    addresses: values.podNatAddresses ?? standard.addresses,
    takeover: values.podNatTakeover ?? standard.takeover,
    reserved: [
      ...standard.reserved,
      ...ownPorts(values),
      ...(values.podNatReservedPorts ?? []).map(byTheAdministrator),
    ],
    unreserved: values.podNatUnreservedPorts ?? standard.unreserved,
    maxPortsPerPod: values.podNatMaxPortsPerPod ?? standard.maxPortsPerPod,
    maxPortsPerNamespace: values.podNatMaxPortsPerNamespace ?? standard.maxPortsPerNamespace,
  };
}

function byTheAdministrator({ first, last }: PortSpan): ReservedPorts {
  return { first, last, protocol: null, why: 'something else by --pod-nat-reserved-ports' };
}

function ownPorts({ healthAddress, httpAddress, metricsAddress }: SettingValues): ReservedPorts[] {
  return [healthAddress, httpAddress, metricsAddress].flatMap((listening) =>
    listening === undefined || listening === null
      ? []
      : [{ first: listening.port, last: listening.port, protocol: 'TCP', why: 'knat itself' }],
  );
}
