import { fileURLToPath } from 'node:url';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { Probe } from '../../src/lab/probe.ts';
import type { DialOutcome, DialTally, HoldReport } from '../../src/lab/probe-messages.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { familyOf, formatEndpoint, type IpAddress, parseAddress } from '../../src/net/address.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { forgetConnections } from './connections.ts';
import { FlatTopology } from './flat.ts';
import { enterNamespace } from './namespace.ts';

/** A listener. */
export interface Target {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  /** TCP: sends back whatever comes, for `hold`. */
  readonly echo?: boolean;
}

/** The destination of a dial, and its source address. */
export interface Dialled extends Target {
  readonly source: IpAddress;
  /** Left out: a port that no other connection of the scene has. */
  readonly sourcePort?: number;
}

export interface Scene {
  /** The node's own, in order: it masquerades with the first of each family. */
  readonly nodeAddresses: readonly IpAddress[];
  readonly sources: readonly IpAddress[];
  /** Each answers with its own `address:port`; one on an address of the node runs on the node. */
  readonly targets: readonly Target[];
  /** Who is behind the interface of the pods; left out: all targets. */
  readonly behindPods?: readonly IpAddress[];
}

/** The result of an echo request. */
export type PingOutcome = { readonly saw: IpAddress } | 'refused' | 'silence';

/**
 * Source ports are assigned one after the other, so that no connection of a scene collides with an earlier one and
 * gets another port for that reason. Above NodePorts, below the ports that masquerading mostly uses.
 */
const FIRST_PORT = 33000;
const LAST_PORT = 60999;

/**
 * Only the node refuses: a packet to a wrong port without a listener gets no answer. A kernel answers a SYN to a closed
 * port by a reset with sequence number 0.
 */
const NEVER_REFUSE = `table inet never_refuse {
  set pinging { type ipv4_addr; flags dynamic; size 64; }
  set pinging6 { type ipv6_addr; flags dynamic; size 64; }
  chain input {
    type filter hook input priority 0; policy accept;
    icmp type echo-request update @pinging { ip saddr }
    icmpv6 type echo-request update @pinging6 { ip6 saddr }
  }
  chain output {
    type filter hook output priority 0; policy accept;
    tcp flags & rst == rst tcp sequence 0 drop
    icmp type destination-unreachable drop
    icmpv6 type destination-unreachable drop
  }
}
`;

/**
 * The flat topology with the nftables datapath in its node, for one scene after the other. This process moves
 * into the node, so that its sockets and child processes, such as the datapath's netlink socket and nft, belong there.
 */
export class Stage {
  /** Open inside the node. */
  readonly datapath: NftablesDatapath;
  readonly #lab: Lab;
  readonly #flat: FlatTopology;
  readonly #leave: () => void;
  readonly #sctpProbes = new Map<Host, Probe>();
  #nextPort = FIRST_PORT;

  static async build(): Promise<Stage> {
    removeStale('knat-test');
    const lab = new Lab('knat-test');
    const flat = await FlatTopology.build(lab);
    await Promise.all(
      [flat.clients, flat.backends].map((host) => host.run(['nft', '-f', '-'], NEVER_REFUSE)),
    );
    return new Stage(lab, flat);
  }

  private constructor(lab: Lab, flat: FlatTopology) {
    this.#lab = lab;
    this.#flat = flat;
    this.#leave = enterNamespace(flat.node.namespace);
    this.datapath = NftablesDatapath.open();
  }

  /** Replaces the previous scene: addresses, listeners, and the kernel's tracked connections. */
  async setUp({ nodeAddresses, sources, targets, behindPods }: Scene): Promise<void> {
    await this.#silence();
    const targetAddresses = targets.map(({ address }) => address);
    const endpoints = behindPods ?? targetAddresses;
    await this.#flat.configure({ nodeAddresses, endpoints, sources: [...sources, ...targetAddresses] });
    await this.listen(targets);
    forgetConnections();
  }

  /** Replaces only the listeners. */
  async listen(targets: readonly Target[]): Promise<void> {
    await this.#silence();
    const listening = new Map(
      targets.map((target) => [`${target.protocol} ${formatEndpoint(target.address, target.port)}`, target]),
    );
    await allSettled(
      [...listening.values()].map((target) => this.#probe(target.address, target.protocol).serve(target)),
    );
  }

  async #silence(): Promise<void> {
    const { node, clients, backends } = this.#flat;
    const probes = [node, clients, backends].map((host) => host.probe());
    await Promise.all([...probes, ...this.#sctpProbes.values()].map((probe) => probe.silence()));
  }

  /** Opens a connection from the source. */
  async dial(
    { source: from, sourcePort = this.#takePort(), address: to, port, protocol }: Dialled,
    timeoutMs: number,
  ): Promise<DialOutcome> {
    return await this.#probe(from, protocol).dial({ from, sourcePort, to, port, protocol, timeoutMs });
  }

  /** Opens this many connections from the source, from ports that the kernel chooses, and counts who answered. */
  async dialMany({ source: from, address: to, port, protocol }: Dialled, count: number): Promise<DialTally> {
    return await this.#probe(from, protocol).dialMany(count, { from, to, port, protocol, timeoutMs: 10_000 });
  }

  /**
   * Sends one echo request, and returns its result: an answer with the source that the other end saw, an error (ICMP
   * destination unreachable), or nothing in time. One at a time.
   * @param end who answers, if the address is translated
   */
  async ping(source: IpAddress, address: IpAddress, timeoutMs: number, end = address): Promise<PingOutcome> {
    const { node } = this.#flat;
    const far = this.#flat.hostOf(end);
    const set = `inet never_refuse ${familyOf(address) === 'IPv4' ? 'pinging' : 'pinging6'}`.split(' ');
    if (far !== node) await far.run(['nft', 'flush', 'set', ...set]);
    const wait = String(timeoutMs / 1000);
    const words = ['ping', '-n', '-c', '1', '-W', wait, '-I', source, address];
    const { status, stdout, stderr } = await this.#flat.hostOf(source).runToEnd(words);
    if (status !== 0 && status !== 1) throw new Error(`${words.join(' ')}: ${stderr.trim()}`);
    if (status === 1) return /unreachable|filtered|prohibited/i.test(stdout) ? 'refused' : 'silence';
    if (far === node) return { saw: source };
    const listed = await far.run(['nft', 'list', 'set', ...set]);
    const saw = parseAddress(/elements = \{ (\S+) \}/.exec(listed)?.[1] ?? '');
    if (saw === null) throw new Error(`ping ${address} was answered, but not by ${far.name}: ${listed}`);
    return { saw };
  }

  /** Opens a connection and keeps talking over it, until the function that is returned ends it. */
  async hold(dialled: Dialled, everyMs = 20): Promise<() => Promise<HoldReport>> {
    const { source: from, address: to, port, protocol, sourcePort = this.#takePort() } = dialled;
    return await this.#probe(from, protocol).hold({ from, sourcePort, to, port, protocol, everyMs });
  }

  /** Sends TCP segments without a socket, one for each sequence number. */
  async sendSegments(dialled: Omit<Dialled, 'protocol'>, sequences: readonly number[]): Promise<void> {
    const { source, sourcePort = 0, address, port } = dialled;
    const program = fileURLToPath(new URL('./tcp-segments.js', import.meta.url));
    const words = [source, sourcePort, address, port, ...sequences].map(String);
    await this.#flat.hostOf(source).run([process.execPath, program, ...words]);
  }

  /** Sends an ICMP error from an address that is no node's, as icmp-error.js says. */
  async sendIcmpError(reporter: IpAddress, words: readonly (string | number)[]): Promise<void> {
    const program = fileURLToPath(new URL('./icmp-error.js', import.meta.url));
    await this.#flat.hostOf(reporter).run([process.execPath, program, reporter, ...words.map(String)]);
  }

  /** Runs nft on the host of an address, with a script as its input. */
  async nftOf(address: IpAddress, words: readonly string[], script = ''): Promise<string> {
    return await this.#flat.hostOf(address).run(['nft', ...words], script);
  }

  /** SYNs that the hosts of these addresses have sent again so far (TcpExt, /proc/net/netstat). */
  async repeatedSyns(addresses: readonly IpAddress[]): Promise<number> {
    const hosts = new Set(addresses.map((address) => this.#flat.hostOf(address)));
    const tables = await Promise.all([...hosts].map((host) => host.run(['cat', '/proc/net/netstat'])));
    return tables.map(repeatedSynsOf).reduce((sum, count) => sum + count, 0);
  }

  /** Cuts the cable between the node and the clients, or the pods, while the function runs. */
  async cutCable(side: 'clients' | 'backends', meanwhile: () => Promise<void>): Promise<void> {
    await this.#flat.cutCable(this.#flat[side], meanwhile);
  }

  /** The host that has the address. */
  hostOf(address: IpAddress): Host {
    return this.#flat.hostOf(address);
  }

  /** The node's interface by which packets of the address enter; undefined for the node's own. */
  inputInterface(address: IpAddress): string | undefined {
    const { node, clients } = this.#flat;
    const host = this.#flat.hostOf(address);
    return host === node ? undefined : host === clients ? 'eth0' : 'cni0';
  }

  #takePort(): number {
    const port = this.#nextPort;
    this.#nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
    return port;
  }

  /** Moves the process out of the node, and removes everything that the stage made. */
  dispose(): void {
    this.datapath.close();
    this.#leave();
    this.#lab.dispose();
  }

  /** The probe for the protocol on the host that has the address. */
  #probe(address: IpAddress, protocol: Protocol): Probe {
    const host = this.#flat.hostOf(address);
    if (protocol !== 'SCTP') return host.probe();
    let probe = this.#sctpProbes.get(host);
    if (probe === undefined) {
      const program = fileURLToPath(new URL('./sctp/main.js', import.meta.url));
      probe = new Probe(`${host.name} (SCTP)`, host.command([process.execPath, program]));
      this.#sctpProbes.set(host, probe);
    }
    return probe;
  }
}

/** Waits for all, even if one fails, so that none is still running in the next scene. Throws the first failure. */
export async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** Two lines of a kind: names, then numbers. */
function repeatedSynsOf(netstat: string): number {
  const [names = [], numbers = []] = netstat
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  const count = Number(numbers[names.indexOf('TCPSynRetrans')]);
  if (Number.isNaN(count)) throw new Error('/proc/net/netstat has no TCPSynRetrans');
  return count;
}
