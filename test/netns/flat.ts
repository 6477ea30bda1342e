import { forwarderSettings } from '../../src/lab/cabling.ts';
import type { Host } from '../../src/lab/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import { addressBits } from '../../src/net/family.ts';

/** Which host has which address. Any unicast address is allowed; one in several lists belongs to the first. */
export interface FlatSetup {
  /** The node's own, in order: it masquerades with the first of each family. */
  readonly nodeAddresses: readonly IpAddress[];
  /** The endpoints of services. */
  readonly endpoints: readonly IpAddress[];
  /** The sources of connections. */
  readonly sources: readonly IpAddress[];
}

/**
 * One node between all clients and all servers, whatever their addresses:
 *
 *     clients ═══ eth0 [node] cni0 ═══ backends
 *
 * No route is learned: the node has one for every single address, and the two others send every packet to the node,
 * even one for an address of their own. So a connection from an endpoint to its own
 * service passes the node like any other. A packet to an address that no host has is lost silently.
 *
 * The hosts are made once; `configure` gives them the addresses of one case after the other.
 */
export class FlatTopology {
  readonly node: Host;
  /** Has the sources. */
  readonly clients: Host;
  /** Has the endpoints, also those that are sources. */
  readonly backends: Host;
  #setup: FlatSetup | null = null;

  private constructor(node: Host, clients: Host, backends: Host) {
    this.node = node;
    this.clients = clients;
    this.backends = backends;
  }

  /** Makes the three hosts and the two cables. */
  static async build(lab: Lab): Promise<FlatTopology> {
    const [node, clients, backends] = await lab.addHosts(['node', 'clients', 'backends']);
    if (!node || !clients || !backends) throw new Error('three hosts were asked for');
    await Promise.all([
      node.sysctl(forwarderSettings),
      clients.sysctl(farSettings),
      backends.sysctl(farSettings),
    ]);
    await node.ip([...cableLines('eth0', clients), ...cableLines('cni0', backends)]);
    await Promise.all([setUpFarHost(clients), setUpFarHost(backends)]);
    return new FlatTopology(node, clients, backends);
  }

  /** Replaces the addresses and routes of the previous case. */
  async configure(setup: FlatSetup): Promise<void> {
    const before = this.#setup === null ? NO_LINES : linesFor(this.#setup);
    const after = linesFor(setup);
    this.#setup = setup;
    // The order of the node's addresses counts, and with an interface's last address its routes go: all or nothing.
    const isSameNode = before.nodeAddresses.join() === after.nodeAddresses.join();
    const nodeBefore = isSameNode ? before.routes : [...before.routes, ...before.nodeAddresses];
    const nodeAfter = isSameNode ? after.routes : [...after.nodeAddresses, ...after.routes];
    await Promise.all([
      this.node.ip(isSameNode ? changes(nodeBefore, nodeAfter) : replacement(nodeBefore, nodeAfter)),
      this.clients.ip(changes(before.clients, after.clients)),
      this.backends.ip(changes(before.backends, after.backends)),
    ]);
  }

  /** Cuts the cable of a far host, at its end, while the function runs. */
  async cutCable(far: Host, meanwhile: () => Promise<void>): Promise<void> {
    await far.ip(['link set eth0 down']);
    try {
      await meanwhile();
    } finally {
      await far.ip(farCableLines);
    }
  }

  /** The host that has the address: it can dial from it or listen on it. */
  hostOf(address: IpAddress): Host {
    if (this.#setup?.nodeAddresses.includes(address)) return this.node;
    return this.#setup?.endpoints.includes(address) ? this.backends : this.clients;
  }
}

/** Link-local addresses of each cable's ends: the node's, and the far host's. Gateways of both families. */
const NEAR = 'fe80::1';
const FAR = 'fe80::2';

const farSettings = {
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
} as const;

/** The routing table of a far host that leads to the node. */
const TO_NODE = 100;

/** The far end of a cable; with its link, a host loses the address and the routes. */
const farCableLines = [
  'link set eth0 addrgenmode none up',
  `address replace ${FAR}/64 dev eth0 nodad`,
  `route replace 0.0.0.0/0 via inet6 ${NEAR} dev eth0 table ${TO_NODE}`,
  `route replace ::/0 via ${NEAR} dev eth0 table ${TO_NODE}`,
];

function cableLines(port: string, far: Host): readonly string[] {
  return [
    `link add ${port} type veth peer name eth0 netns ${far.namespace}`,
    `link set ${port} addrgenmode none up`,
    `address add ${NEAR}/64 dev ${port} nodad`,
  ];
}

/**
 * Routing by rule: what is sent goes to the node before the table of own addresses is looked at. For the same reason
 * the kernel accepts packets from the node whose source is an address of this host.
 */
async function setUpFarHost(host: Host): Promise<void> {
  const rules = [
    `rule add pref 10 iif lo lookup ${TO_NODE}`,
    'rule add pref 20 lookup local',
    'rule del pref 0',
  ];
  await host.ip(farCableLines);
  // Without the cable nothing takes another way, by which an address of its own would be reached.
  await host.ip(
    ['0.0.0.0/0', '::/0'].map((all) => `route add unreachable ${all} table ${TO_NODE} metric 9999`),
  );
  await Promise.all([host.ip(rules, '-4'), host.ip(rules, '-6')]);
}

/** The arguments of `ip address` and `ip route` in each host; `%s` is replaced by `add` or `del`. */
interface Lines {
  readonly nodeAddresses: readonly string[];
  readonly routes: readonly string[];
  readonly clients: readonly string[];
  readonly backends: readonly string[];
}

const NO_LINES: Lines = { nodeAddresses: [], routes: [], clients: [], backends: [] };

/**
 * A packet to an address that no host has goes to the clients, which drop it silently since they do not forward. The node
 * needs that default route: its own packets are routed before they are translated.
 */
const defaultRoutes = [`route %s 0.0.0.0/0 via inet6 ${FAR} dev eth0`, `route %s ::/0 via ${FAR} dev eth0`];

function linesFor({ nodeAddresses, endpoints, sources }: FlatSetup): Lines {
  const inNode = new Set(nodeAddresses);
  const inBackends = [...new Set(endpoints)].filter((address) => !inNode.has(address));
  const taken = new Set([...nodeAddresses, ...endpoints]);
  const inClients = [...new Set(sources)].filter((address) => !taken.has(address));
  // The kernel prefers the oldest IPv4 address of an interface, but the newest IPv6 address.
  const v4 = [...inNode].filter((address) => familyOf(address) === 'IPv4');
  const v6 = [...inNode].filter((address) => familyOf(address) === 'IPv6').reverse();
  return {
    nodeAddresses: [...v4, ...v6].map((address) => addressLine(address, 'eth0')),
    routes: [
      ...defaultRoutes,
      ...inClients.map((address) => routeLine(address, 'eth0')),
      ...inBackends.map((address) => routeLine(address, 'cni0')),
    ],
    clients: inClients.map((address) => addressLine(address, 'lo')),
    backends: inBackends.map((address) => addressLine(address, 'lo')),
  };
}

function addressLine(address: IpAddress, device: string): string {
  const family = familyOf(address);
  const atOnce = family === 'IPv6' ? ' nodad' : ''; // without it, an address is usable only after a while
  return `address %s ${address}/${addressBits[family]} dev ${device}${atOnce}`;
}

function routeLine(address: IpAddress, device: string): string {
  const via = familyOf(address) === 'IPv4' ? `inet6 ${FAR}` : FAR;
  return `route %s ${address} via ${via} dev ${device}`;
}

function changes(before: readonly string[], after: readonly string[]): readonly string[] {
  const gone = before.filter((line) => !after.includes(line));
  const added = after.filter((line) => !before.includes(line));
  return replacement(gone, added);
}

function replacement(gone: readonly string[], added: readonly string[]): readonly string[] {
  return [
    ...gone.map((line) => line.replace('%s', 'del')),
    ...added.map((line) => line.replace('%s', 'add')),
  ];
}
