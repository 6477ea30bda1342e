import type { FelixConfigurationFact, NatOutgoingExclusions } from '../../model/felix-configuration.ts';
import { familyOf, type IpAddress } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import { type Fields, readAddress } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';
import { NONE } from './shared.ts';

/** Counts for all nodes; knat does not read `node.NAME`, which is for one node. */
export const FELIX_DEFAULT = 'default';

const EXCLUSIONS: readonly NatOutgoingExclusions[] = ['IPPoolsOnly', 'IPPoolsAndHostIPs'];

/** docs/spec/egress-nat.md, "The decision", 10. */
const INTERFACE = /^[a-zA-Z0-9:._+-]{1,15}$/;

/**
 * The four fields about natOutgoing of Calico's FelixConfiguration. Objects of other names than `default` are no facts.
 */
export function parseFelixConfiguration(
  object: unknown,
  context: ParseContext,
): Parsed<FelixConfigurationFact> {
  const { name, fields, report } = openObject('FelixConfiguration', object, context.shared);
  if (name !== '' && name !== FELIX_DEFAULT) return { ok: true, fact: null, warnings: NONE };
  const spec = fields.object('spec');
  return report.finish({
    name,
    natPortRange: portRanges(spec, report),
    natOutgoingAddress: outgoingAddresses(spec, report),
    iptablesNATOutgoingInterfaceFilter: interfaceFilter(spec, report),
    natOutgoingExclusions:
      spec.text('natOutgoingExclusions') === ''
        ? null
        : spec.word('natOutgoingExclusions', EXCLUSIONS, 'IPPoolsOnly'),
  });
}

/** A port, `first:last`, or several separated by commas; Calico itself accepts no commas. */
function portRanges(spec: Fields, report: ParseReport): FelixConfigurationFact['natPortRange'] {
  const value = spec.integerOrText('natPortRange');
  if (value === null || value === '') return null;
  const ranges: NonNullable<FelixConfigurationFact['natPortRange']>[number][] = [];
  for (const part of String(value).split(',')) {
    const [, from = '', to = from] = /^\s*(\d{1,5})(?:[:-](\d{1,5}))?\s*$/.exec(part) ?? [];
    const first = parsePort(Number(from));
    const last = parsePort(Number(to));
    if (first !== null && last !== null && first <= last) ranges.push({ first, last });
    else {
      const message = `"${part.trim()}" is no range of ports: write FIRST:LAST, such as 32768:60999`;
      report.error('KNAT_FIELD_VALUE', spec.path('natPortRange'), message);
    }
  }
  return ranges;
}

/** One address, or one of each family separated by a comma. */
function outgoingAddresses(spec: Fields, report: ParseReport): readonly IpAddress[] {
  const text = spec.text('natOutgoingAddress');
  if (text === '') return NONE;
  const path = spec.path('natOutgoingAddress');
  const addresses: IpAddress[] = [];
  for (const part of text.split(',')) {
    const address = readAddress(part.trim(), () => path, report);
    if (address === null) continue;
    if (addresses.some((other) => familyOf(other) === familyOf(address))) {
      const message = `${address} is the second ${familyOf(address)} address: give one of each family at most`;
      report.error('KNAT_FIELD_VALUE', path, message);
    } else addresses.push(address);
  }
  return addresses;
}

function interfaceFilter(spec: Fields, report: ParseReport): string | null {
  const key = 'iptablesNATOutgoingInterfaceFilter';
  const text = spec.text(key);
  if (text === '') return null;
  if (!INTERFACE.test(text)) {
    const message = `"${text}" is no name of an interface: 1 to 15 letters, digits or :._+-`;
    report.error('KNAT_FIELD_VALUE', spec.path(key), message);
  }
  return text;
}
