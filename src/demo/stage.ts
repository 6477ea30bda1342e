import { type Dual, lanAddress, NETWORK_BITS } from '../lab/address-plan.ts';
import { Cluster } from '../lab/cluster.ts';
import type { Lab } from '../lab/lab.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';

/** The hosts of the cluster that `examples/demo` describes. */
const NODES = { node1: ['desk', 'web1', 'mail'], node2: ['web2', 'voice'] } as const;
const OUTSIDE = ['outside', 'client'] as const;

/** A second public address of node1, used by the mail server alone. */
export const MAIL_ADDRESS = lanAddress(25);

/** The programs that listen before the first dial. */
const LISTENERS: readonly { readonly host: string; readonly protocol: Protocol; readonly port: number }[] = [
  { host: 'web1', protocol: 'TCP', port: 8080 },
  { host: 'web2', protocol: 'TCP', port: 8080 },
  { host: 'mail', protocol: 'TCP', port: 2525 },
  { host: 'voice', protocol: 'UDP', port: 3478 },
  { host: 'outside', protocol: 'TCP', port: 443 },
  { host: 'outside', protocol: 'UDP', port: 443 },
];

export const PICTURE: readonly string[] = [
  '  outside 198.51.100.10   client 198.51.100.11    know the nodes, but no pods',
  '      └───────────┬───────────┘',
  '                router',
  '      ┌───────────┴───────────┐',
  '  node1 203.0.113.11      node2 203.0.113.12      an agent in each of them',
  '      │ 203.0.113.25          │',
  '      ├ desk 10.244.1.10      ├ web2  10.244.2.10',
  '      ├ web1 10.244.1.11      └ voice 10.244.2.11',
  '      └ mail 10.244.1.12',
  '',
  '  IPv6 likewise: 2001:db8:198::10, 2001:db8:0:113::11, fd00:10:244:1::10, …',
];

/** Builds the cluster, without NAT and without listeners. */
export async function buildStage(lab: Lab): Promise<Cluster> {
  const cluster = await Cluster.build(lab, { nodes: NODES, outside: OUTSIDE });
  await cluster.node('node1').host.ip(secondaryLines(MAIL_ADDRESS));
  return cluster;
}

/** Starts all listeners. The first use of each host starts its probe. */
export async function startListeners(cluster: Cluster): Promise<void> {
  await Promise.all(
    LISTENERS.map(({ host, protocol, port }) => {
      return cluster.host(host).host.probe().serve({ protocol, port, name: host });
    }),
  );
}

/**
 * IPv4: within the network of the first address, hence secondary (ip-address(8)). IPv6: deprecated, so that nothing
 * is sent from it unless asked to (RFC 6724, rule 3).
 */
function secondaryLines(address: Dual<string>): readonly string[] {
  const lifetime: Record<Family, string> = { IPv4: '', IPv6: ' nodad preferred_lft 0' };
  return (['IPv4', 'IPv6'] as const).map((family) => {
    return `address add ${address[family]}/${NETWORK_BITS[family]} dev eth0${lifetime[family]}`;
  });
}
