import type { FelixConfigurationFact, NatOutgoingExclusions } from '../model/felix-configuration.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NodeFacts } from '../model/node.ts';
import { type ObjectRef, refOf } from '../model/object.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { countPorts, type PortSpan, portsWithout, widestSpans } from '../net/port.ts';
import type { EgressOptions } from './options.ts';
import { unusableOwnAddress } from './own-address.ts';

/** The settings of egress NAT on this node, from options, FelixConfiguration or defaults. */
export interface EgressSettings {
  /** The new source of packets that leave a pool, an address of this node; null: masquerade. */
  readonly address: Readonly<Record<Family, IpAddress | null>>;
  /** Source ports of TCP, UDP and SCTP, sorted and disjoint; empty: the kernel chooses. */
  readonly ports: readonly PortSpan[];
  /** Pools are translated only on such outgoing interfaces, a trailing `+` is a wildcard; null: on all. */
  readonly interfaceFilter: string | null;
  readonly exclusions: NatOutgoingExclusions;
  readonly notices: readonly Notice[];
}

/** If there are more ranges, only the widest are used. */
const MOST_PORT_RANGES = 512;

/**
 * Options of the agent come first, then Calico's FelixConfiguration, then the defaults.
 * docs/spec/egress-nat.md, "The decision", 8 to 10.
 */
export function egressSettings(
  options: EgressOptions,
  felix: FelixConfigurationFact | undefined,
  node: Pick<NodeFacts, 'nodeName' | 'localAddresses' | 'isPartlyKnown' | 'reservedPorts'>,
): EgressSettings {
  const notices: Notice[] = [];
  /** The object that a notice is about: this node if the option is set, else the FelixConfiguration. */
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
  const filter = options.natOutgoingInterfaceFilter ?? felix?.iptablesNATOutgoingInterfaceFilter ?? null;
  return {
    address,
    ports,
    // A wildcard with nothing before it is every interface.
    interfaceFilter: filter === '+' ? null : filter,
    exclusions: options.natOutgoingExclusions ?? felix?.natOutgoingExclusions ?? 'IPPoolsOnly',
    notices,
  };
}

/** Rule 8. If the exclusions leave no port, the ranges are used without exclusions, since some port is needed. */
function usablePorts(
  options: EgressOptions,
  felix: FelixConfigurationFact | undefined,
  reserved: readonly PortSpan[],
): readonly PortSpan[] {
  const wanted = options.natPortRange ?? felix?.natPortRange ?? [];
  const left = portsWithout(wanted, options.natPortExclusions ? [...options.excludedPorts, ...reserved] : []);
  return left.length === 0 ? portsWithout(wanted, []) : left;
}
