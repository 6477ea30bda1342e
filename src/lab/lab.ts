import { run } from './command.ts';
import { beforeTheEnd } from './ending.ts';
import { Host } from './host.ts';
import { formatLabName, type LabPrefix } from './namespace-name.ts';
import { thisProcess } from './owner.ts';
import { removeNamespaces } from './removal.ts';

/** Kernel parameters of every host, set before it has interfaces. */
const SETTINGS = {
  // IPv6 addresses work at once, without the second of duplicate address detection (RFC 4862 5.4).
  'net.ipv6.conf.all.accept_dad': 0,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv6.conf.default.accept_ra': 0,
  // Every refusal is answered: by default the kernel sends about one ICMP error a second to a peer.
  'net.ipv4.icmp_ratemask': 0,
  'net.ipv6.icmp.ratemask': '',
} as const;

let labsMade = 0;

/**
 * A set of hosts, each a network namespace, connected only to each other: no link leads to the machine's own network.
 * Needs root and iproute2.
 *
 *     const lab = new Lab('knat-test');
 *     const [left, right] = await lab.addHosts(['left', 'right']);
 *     …
 *     lab.dispose();
 *
 * The lab is also removed when the process ends (see `beforeTheEnd`). After SIGKILL, `removeStale` of the next run
 * removes it.
 */
export class Lab {
  /** The common start of its namespaces' names. */
  readonly name: string;
  readonly #namespaces: string[] = [];
  readonly #callOff: () => void;

  constructor(prefix: LabPrefix) {
    labsMade += 1;
    this.name = formatLabName({ prefix, owner: thisProcess(), serial: labsMade });
    this.#callOff = beforeTheEnd(() => this.dispose());
  }

  /** Makes one host for each name, in order, with only a loopback interface that is up. */
  async addHosts(names: readonly string[]): Promise<readonly Host[]> {
    const hosts = names.map((name) => new Host(name, `${this.name}-${name}`));
    this.#namespaces.push(...hosts.map((host) => host.namespace));
    await run(['ip', '-batch', '-'], hosts.map((host) => `netns add ${host.namespace}\n`).join(''));
    await Promise.all(hosts.flatMap((host) => [host.sysctl(SETTINGS), host.ip(['link set lo up'])]));
    return hosts;
  }

  /** Removes the namespaces and ends their processes. May be called again. */
  dispose(): void {
    this.#callOff();
    removeNamespaces(this.#namespaces);
    this.#namespaces.length = 0;
  }
}
