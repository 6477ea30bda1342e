import fc from 'fast-check';
import { KubernetesIp } from '../chart/kubernetes-cidr.ts';

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.oneof(
  fc.constantFrom('10.0.0.0', '169.254.0.0', '169.254.1.0', '0.0.0.0', '192.168.7.0', '1.2.3'),
  fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.')),
);
const ipv6 = fc.oneof(
  fc.constantFrom('fd00::', 'FE80::', 'fe80:1::', '::', 'fd00::1', 'fe80::%eth0', ':::'),
  // Neither mapped nor zero-padded: the API server refuses these, knat reads them as Kubernetes reads those of Services.
  fc.ipV6().filter((text) => KubernetesIp.parse(text) !== null),
);
const cidr = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 0, max: 34 })).map(([address, length]) => `${address}/${length}`),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 130 })).map(([address, length]) => `${address}/${length}`),
  fc.constantFrom('', '10.0.0.0', '10.0.0.0/', '10.0.0.0/+8', ' 10.0.0.0/8', 'x/8'),
);
const mode = fc.constantFrom('Never', 'Always', 'CrossSubnet');
/** The `spec` of an IPPool, valid or not. */
export const poolSpec = fc.record(
  {
    cidr,
    blockSize: fc.oneof(fc.integer({ min: -1, max: 130 }), fc.constantFrom(0, 20, 26, 32, 116, 122, 128)),
    disabled: fc.boolean(),
    natOutgoing: fc.boolean(),
    ipipMode: mode,
    vxlanMode: mode,
    allowedUses: fc.array(fc.constantFrom('Workload', 'Tunnel', 'LoadBalancer'), { maxLength: 3 }),
  },
  { requiredKeys: ['cidr'] },
);
