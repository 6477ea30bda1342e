import type { FelixConfigurationFact, NatOutgoingExclusions } from '../model/felix-configuration.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import { refOf } from '../model/object.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { countPorts, type PortSpan, portsWithout, widestSpans } from '../net/port.ts';
import type { EgressOptions } from './options.ts';
import { unusableOwnAddress } from './own-address.ts';

/** How egress NAT works on this node, whatever said so. */
export interface EgressSettings {
  /** What leaves a pool is translated to; null: masquerade. An address that the node does not bear is not in here. */
  readonly address: Readonly<Record<Family, IpAddress | null>>;
  /** Source ports of TCP, UDP and SCTP, sorted and disjoint; empty: the kernel chooses. */
  readonly ports: readonly PortSpan[];
  /** Pools are NATed from only where a packet leaves by such an interface, a trailing `+` is a wildcard; null: all. */
  readonly interfaceFilter: string | null;
  readonly exclusions: NatOutgoingExclusions;
  readonly notices: readonly Notice[];
}

/** More ranges than these are not told to the kernel: the widest are used. */
const MOST_PORT_RANGES = 512;

/**
 * What the options of the agent say comes first, then Calico's FelixConfiguration, then the defaults.
 * docs/spec/egress-nat.md, "The decision", 8 to 10.
 */
export function egressSettings(
  options: EgressOptions,
  felix: FelixConfigurationFact | undefined,
  node: Pick<NodeFacts, 'nodeName' | 'localAddresses' | 'reservedPorts'>,
): EgressSettings {
  const notices: Notice[] = [];
  /** Who says what an option would say first. */
  const speaker = (option: unknown): ObjectRef =>
    option !== null
      ? refOf('Node', { name: node.nodeName })
      : refOf('FelixConfiguration', { name: felix?.name ?? 'default' });
  const wanted = options.natOutgoingAddress ?? felix?.natOutgoingAddress ?? [];
  const address: Record<Family, IpAddress | null> = { IPv4: null, IPv6: null };
  for (const family of FAMILIES) {
    const chosen = wanted.find((one) => familyOf(one) === family);
    if (chosen === undefined) continue;
    const unusable = unusableOwnAddress(chosen, node);
    if (unusable === null) address[family] = chosen;
    else {
      notices.push(
        findingOf(
          'NatAddressNotLocal',
          speaker(options.natOutgoingAddress),
          `natOutgoingAddress ${chosen} ${unusable}: what leaves pools is masqueraded there`,
        ),
      );
    }
  }
  const usable = usablePorts(options, felix, node.reservedPorts);
  const ports = widestSpans(usable, MOST_PORT_RANGES);
  if (ports.length < usable.length) {
    notices.push(
      findingOf(
        'NatInvalid',
        speaker(options.natPortRange),
        `natPortRange: ${usable.length} ranges are left on node ${node.nodeName}, and ${MOST_PORT_RANGES} have room: ` +
          `the widest are used, ${countPorts(ports)} of ${countPorts(usable)} ports; reserve ports in fewer ranges, or ask for fewer`,
      ),
    );
  }
  return {
    address,
    ports,
    interfaceFilter: unlessEvery(
      options.natOutgoingInterfaceFilter ?? felix?.iptablesNATOutgoingInterfaceFilter ?? null,
    ),
    exclusions: options.natOutgoingExclusions ?? felix?.natOutgoingExclusions ?? 'IPPoolsOnly',
    notices,
  };
}

/** A wildcard with nothing before it is every interface, for which nothing has to be asked. */
function unlessEvery(filter: string | null): string | null {
  return filter === '+' ? null : filter;
}

/** Rule 8. Where nothing is left of the ranges they are used as they stand, since some port is needed. */
function usablePorts(
  options: EgressOptions,
  felix: FelixConfigurationFact | undefined,
  reserved: readonly PortSpan[],
): readonly PortSpan[] {
  const wanted = options.natPortRange ?? felix?.natPortRange ?? [];
  const left = portsWithout(wanted, options.natPortExclusions ? [...options.excludedPorts, ...reserved] : []);
  return left.length === 0 ? portsWithout(wanted, []) : left;
}
