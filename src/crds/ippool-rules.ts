import { type CelRule, rule } from './field.ts';

/**
 * The checks of sources/objects/pool.ts with the same messages, so that `kubectl apply` already refuses such an object
 * (docs/spec/egress-nat.md, "IPPool objects"). Every rule is evaluated: a rule about the network must be true if there
 * is none. Fields with a default are always set.
 * `isCIDR`, `cidr` and `ip` are in the CEL of Kubernetes 1.31 and newer. `containsCIDR` is not used: some versions
 * compare unmasked addresses.
 */
const network = 'cidr(self.cidr)';
const isIPv4 = `${network}.ip().family() == 4`;
const isIPv6 = `${network}.ip().family() == 6`;

export const ipPoolRules: readonly CelRule[] = [
  rule('.cidr', "self.cidr != ''", 'IPPool CIDR must be specified'),
  rule('.cidr', "self.cidr == '' || isCIDR(self.cidr)", 'IPPool CIDR must be a valid subnet'),
  ofNetwork('.cidr', `${network} == ${network}.masked()`, 'IPPool CIDR is not strictly masked'),
  ofNetwork(
    '.cidr',
    `self.disabled || ${network}.prefixLength() <= (has(self.blockSize) && self.blockSize != 0 ? self.blockSize : ${isIPv4} ? 26 : 122)`,
    'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.',
  ),
  noOverlap('169.254.0.0', 16, 'IPv4'),
  noOverlap('fe80::', 10, 'IPv6'),
  blockSize(isIPv4, 'IPv4', 20, 32),
  blockSize(isIPv6, 'IPv6', 116, 128),
  rule(
    '.vxlanMode',
    "self.ipipMode == 'Never' || self.vxlanMode == 'Never'",
    'Cannot enable both VXLAN and IPIP on the same IPPool',
  ),
  ofNetwork('.ipipMode', `self.ipipMode == 'Never' || ${isIPv4}`, 'IPIP is not supported on an IPv6 IP pool'),
  rule(
    '.allowedUses',
    "!('LoadBalancer' in self.allowedUses) || self.allowedUses.all(use, use == 'LoadBalancer')",
    'LoadBalancer cannot be used together with Workload or Tunnel: make a pool of its own',
  ),
  rule(
    '.allowedUses',
    "!('LoadBalancer' in self.allowedUses) || (self.ipipMode == 'Never' && self.vxlanMode == 'Never')",
    'a pool for load balancers cannot be encapsulated: set ipipMode and vxlanMode to Never',
  ),
];

function ofNetwork(fieldPath: string, condition: string, message: string): CelRule {
  return rule(fieldPath, `!isCIDR(self.cidr) || ${condition}`, message);
}

/** Two networks overlap if one contains the first address of the other. */
function noOverlap(address: string, length: number, family: string): CelRule {
  const range = `${address}/${length}`;
  return ofNetwork(
    '.cidr',
    `!(cidr('${range}').containsIP(${network}.ip()) || ${network}.containsIP('${address}'))`,
    `IPPool CIDR overlaps with ${family} Link Local range ${range}`,
  );
}

function blockSize(ofFamily: string, family: string, least: number, most: number): CelRule {
  return ofNetwork(
    '.blockSize',
    `!(${ofFamily}) || !has(self.blockSize) || self.blockSize == 0 || (self.blockSize >= ${least} && self.blockSize <= ${most})`,
    `${family} block size must be between ${least} and ${most}`,
  );
}
