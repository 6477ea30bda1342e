import { forwarderSettings } from '../../src/lab/cabling.ts';
import type { Host } from '../../src/lab/host.ts';
import type { IpAddress } from '../../src/net/address.ts';
import { type BenchCluster, ip, NETWORKS, SERVICE } from '../cluster.ts';

/** Closed connections are forgotten after a second, so that their ports are free again. */
const TRACKING = { 'net.netfilter.nf_conntrack_tcp_timeout_close': 1 };

/** Addresses at one node: its own, and the client's there, as a pod and as a visitor from outside the pod network. */
export function addressesAt(index: number): { node: IpAddress; pod: IpAddress; visitor: IpAddress } {
  const { node, client, visitor } = NETWORKS.IPv4;
  return { node: ip(node, index), pod: ip(client, index), visitor: ip(visitor, index) };
}

/** The addresses that the server has: of the pod for straight connections, and of the endpoints of all TCP classes. */
function serverAddresses({ services }: BenchCluster): IpAddress[] {
  const used = [SERVICE.tcp, SERVICE.single, SERVICE.nodePort];
  const endpoints = used.flatMap((service) => services[service]?.endpoints ?? []);
  return [ip(NETWORKS.IPv4.pod), ...endpoints.map(({ address }) => address)];
}

/**
 * Wires nodes that forward between the client and the server. Nobody but the nodes knows the Services, and the server
 * has no route to a visitor: a node that does not translate makes no connection.
 */
export async function wire(
  client: Host,
  server: Host,
  nodes: readonly Host[],
  cluster: BenchCluster,
): Promise<void> {
  // Replies come in by another interface than the first default route.
  const anyInterface = { 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 };
  for (const end of [client, server]) await end.sysctl(anyInterface);
  const behind = serverAddresses(cluster);
  await server.ip(behind.map((address) => `address add ${address}/32 dev lo`));
  for (const [index, node] of nodes.entries()) await wireNode(client, server, node, index, behind);
}

async function wireNode(
  client: Host,
  server: Host,
  node: Host,
  index: number,
  behind: readonly IpAddress[],
): Promise<void> {
  const { name } = node;
  const own = addressesAt(index);
  await node.sysctl({ ...forwarderSettings, ...TRACKING });
  const cables = [
    { port: 'client', far: client },
    { port: 'sink', far: server },
  ];
  await node.ip(
    cables.flatMap(({ port, far }) => [
      `link add ${port} type veth peer name ${name} netns ${far.namespace}`,
      `link set ${port} addrgenmode none up`,
      `address add fe80::1/64 dev ${port} nodad`,
    ]),
  );
  const near = [`link set ${name} addrgenmode none up`, `address add fe80::2/64 dev ${name} nodad`];
  const via = `via inet6 fe80::1 dev ${name}`;
  await client.ip([
    ...near,
    `address add ${own.pod}/32 dev ${name}`,
    `address add ${own.visitor}/32 dev ${name}`,
    `route add 0.0.0.0/0 ${via} src ${own.pod} metric ${index + 1}`,
    `route add ${own.node} ${via} src ${own.visitor}`,
  ]);
  await server.ip([...near, `route add ${own.pod} ${via}`, `route add ${own.node} ${via}`]);
  await node.ip([
    `address add ${own.node}/32 dev sink`,
    `route add ${own.pod} via inet6 fe80::2 dev client`,
    `route add ${own.visitor} via inet6 fe80::2 dev client`,
    ...behind.map((address) => `route add ${address} via inet6 fe80::2 dev sink`),
  ]);
}
