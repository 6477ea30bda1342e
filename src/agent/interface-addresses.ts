import type { LocalAddress } from '../model/node.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { Busy } from '../wire/errors.ts';
import type { InterfaceAddress } from '../wire/route/address.ts';
import { RouteConnection } from '../wire/route/connection.ts';
import type { Link } from '../wire/route/link.ts';
import { RouteMonitor } from '../wire/route/monitor.ts';
import type { Route } from '../wire/route/route.ts';

/** The addresses of this machine's interfaces, kept up to date. */
export interface InterfaceAddresses {
  current(): readonly LocalAddress[];
  /** Calls back after every change. Returns how to stop. */
  watch(onChange: () => void): () => void;
}

/** Kinds of interfaces whose addresses are the cluster's own affair: specs/pod-nat.md, "Public address detection". */
const NOT_PUBLIC_KINDS: ReadonlySet<string> = new Set([
  'bridge',
  'dummy',
  'ipvlan',
  'vxlan',
  'geneve',
  'gre',
  'gretap',
  'ip6gre',
  'ip6gretap',
  'ip6tnl',
  'ipip',
  'sit',
  'tun',
  'wireguard',
]);

const MAIN_TABLE = 254;
const ATTEMPTS = 10;

/** Reads from the network namespace of the process, by rtnetlink. */
export class KernelAddresses implements InterfaceAddresses {
  readonly #connection = RouteConnection.open();

  current(): readonly LocalAddress[] {
    for (let attempt = 1; ; attempt++) {
      try {
        const links = this.#connection.links();
        const addresses = this.#connection.addresses();
        return localAddresses(links, addresses, this.#connection.routes());
      } catch (error) {
        if (!(error instanceof Busy) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  watch(onChange: () => void): () => void {
    const monitor = RouteMonitor.open(onChange);
    return () => monitor.close();
  }

  close(): void {
    this.#connection.close();
  }
}

/** The addresses in the order of their interfaces; those that the kernel does not use yet are left out. */
export function localAddresses(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): LocalAddress[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const defaults = new Map(FAMILIES.map((family) => [family, defaultInterfaces(family, routes)]));
  return addresses
    .filter(({ flags }) => !flags.has('tentative') && !flags.has('dadfailed'))
    .map((own) => ({ own, link: byIndex.get(own.interfaceIndex) }))
    .filter((pair): pair is { own: InterfaceAddress; link: Link } => pair.link?.up === true)
    .sort((a, b) => a.link.index - b.link.index)
    .map(({ own, link }) => ({
      address: own.address,
      interfaceName: link.name,
      eligible: !link.loopback && !NOT_PUBLIC_KINDS.has(link.kind ?? '') && isLasting(own),
      onDefaultRoute: defaults.get(own.family)?.has(link.index) ?? false,
    }));
}

/** Not one that the kernel made for a while (RFC 8981, privacy), nor one that it gives up. */
function isLasting({ family, flags, scope }: InterfaceAddress): boolean {
  const isTemporary = family === 'IPv6' && flags.has('secondary');
  return scope === 'global' && !flags.has('deprecated') && !isTemporary;
}

/** The interfaces that the default routes of the main table leave by, those of the smallest metric. */
function defaultInterfaces(family: Family, routes: readonly Route[]): ReadonlySet<number> {
  const candidates = routes.filter(
    (route) => route.family === family && route.destination.length === 0 && route.table === MAIN_TABLE,
  );
  const best = Math.min(...candidates.map(({ priority }) => priority));
  return new Set(
    candidates
      .filter(({ priority }) => priority === best)
      .flatMap(({ nexthops }) => nexthops.map(({ interfaceIndex }) => interfaceIndex ?? -1)),
  );
}
