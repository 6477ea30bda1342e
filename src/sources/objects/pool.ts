import type { PoolFact } from '../../model/pool.ts';
import type { Family } from '../../net/family.ts';
import {
  formatPrefix,
  type Prefix,
  parseLoosePrefix,
  parsePrefix,
  prefixesOverlap,
} from '../../net/prefix.ts';
import { LINK_LOCAL } from '../../net/special-address.ts';
import type { Fields } from './fields.ts';
import { openObject, type ParseContext } from './metadata.ts';
import type { Parsed, ParseReport } from './parsed.ts';

const MODES = ['Never', 'Always', 'CrossSubnet'] as const;
const USES = ['Workload', 'Tunnel', 'LoadBalancer'] as const;

/** Block sizes as prefix lengths. docs/spec/egress-nat.md, "IPPool objects". */
const BLOCK = {
  IPv4: { fallback: 26, least: 20, most: 32 },
  IPv6: { fallback: 122, least: 116, most: 128 },
} as const satisfies Record<Family, { fallback: number; least: number; most: number }>;

/**
 * An IPPool of any of its API groups. The messages are Calico's (docs/spec/egress-nat.md, "IPPool objects"), and all
 * that apply are reported. Selectors, assignment mode and BGP export do not affect NAT and are not read.
 */
export function parsePool(object: unknown, context: ParseContext): Parsed<PoolFact> {
  const { name, fields, report } = openObject('IPPool', object, context.shared);
  const spec = fields.object('spec');
  const disabled = spec.flag('disabled') ?? false;
  const natOutgoing = spec.flag('natOutgoing') ?? false;
  const uses = allowedUses(spec);
  const cidr = readCidr(spec, report);
  const blockSize = spec.integer('blockSize') ?? 0;
  if (cidr !== null) checkSize(cidr, blockSize, disabled, report);
  checkEncapsulation(spec, cidr, uses, report);
  if (uses.includes('LoadBalancer') && uses.some((use) => use !== 'LoadBalancer')) {
    const message = 'LoadBalancer cannot be used together with Workload or Tunnel: make a pool of its own';
    report.error('KNAT_POOL_USES', spec.path('allowedUses'), message);
  }
  const loadBalancerOnly = uses.length > 0 && uses.every((use) => use === 'LoadBalancer');
  const noWorkloads = uses.includes('Workload') ? {} : ({ noWorkloads: true } as const);
  return report.finish(
    cidr === null ? null : { name, cidr, natOutgoing, disabled, loadBalancerOnly, ...noWorkloads },
  );
}

/** Host bits are an error, and are masked, so that later checks can still report. */
function readCidr(spec: Fields, report: ParseReport): Prefix | null {
  const text = spec.text('cidr');
  const prefix = parsePrefix(text);
  const message =
    text === ''
      ? 'IPPool CIDR must be specified'
      : prefix === 'syntax'
        ? 'IPPool CIDR must be a valid subnet'
        : prefix === 'host-bits'
          ? 'IPPool CIDR is not strictly masked'
          : null;
  if (message !== null) report.error('KNAT_POOL_CIDR', spec.path('cidr'), message);
  return typeof prefix === 'string' ? parseLoosePrefix(text) : prefix;
}

function checkSize(cidr: Prefix, written: number, disabled: boolean, report: ParseReport): void {
  const { fallback, least, most } = BLOCK[cidr.family];
  const blockSize = written === 0 ? fallback : written;
  if (blockSize < least || blockSize > most) {
    const message = `${cidr.family} block size must be between ${least} and ${most}`;
    report.error('KNAT_POOL_BLOCK_SIZE', 'spec.blockSize', message);
  }
  if (!disabled && cidr.length > blockSize) {
    const message =
      'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
    report.error('KNAT_POOL_CIDR', 'spec.cidr', message);
  }
  const linkLocal = LINK_LOCAL[cidr.family];
  if (prefixesOverlap(linkLocal, cidr)) {
    const range = `${cidr.family} Link Local range ${formatPrefix(linkLocal)}`;
    report.error('KNAT_POOL_CIDR', 'spec.cidr', `IPPool CIDR overlaps with ${range}`);
  }
}

function checkEncapsulation(
  spec: Fields,
  cidr: Prefix | null,
  uses: readonly string[],
  report: ParseReport,
): void {
  const ipip = spec.word('ipipMode', MODES, 'Never') !== 'Never';
  const vxlan = spec.word('vxlanMode', MODES, 'Never') !== 'Never';
  const fail = (field: string, message: string) =>
    report.error('KNAT_POOL_ENCAPSULATION', spec.path(field), message);
  if (ipip && vxlan) fail('vxlanMode', 'Cannot enable both VXLAN and IPIP on the same IPPool');
  if (ipip && cidr?.family === 'IPv6') fail('ipipMode', 'IPIP is not supported on an IPv6 IP pool');
  if (uses.includes('LoadBalancer') && (ipip || vxlan)) {
    const message = 'a pool for load balancers cannot be encapsulated: set ipipMode and vxlanMode to Never';
    fail(ipip ? 'ipipMode' : 'vxlanMode', message);
  }
}

function allowedUses(spec: Fields): readonly string[] {
  const uses = spec.words('allowedUses', USES);
  return uses.length === 0 ? ['Workload', 'Tunnel'] : uses;
}
