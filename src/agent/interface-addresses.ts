import type { LocalAddress } from '../model/node.ts';
import { addressBits, FAMILIES, type Family } from '../net/family.ts';
import { byRoutes } from '../plan/own-address.ts';
import { Busy } from '../wire/errors.ts';
import type { InterfaceAddress } from '../wire/route/address.ts';
import { RouteConnection } from '../wire/route/connection.ts';
import type { Link } from '../wire/route/link.ts';
import { watchRoutes } from '../wire/route/monitor.ts';
import { isBesideGateway, isOuterKind, type WayOut, waysOut } from '../wire/route/way-out.ts';

export interface InterfaceAddresses {
  current(): readonly LocalAddress[];
  /** Returns a function that stops watching. */
  watch(onChange: () => void): () => void;
}

const ATTEMPTS = 10;

/** Reads from the network namespace of the process, by rtnetlink. */
export class KernelAddresses implements InterfaceAddresses {
  readonly #connection = new RouteConnection();

  current(): readonly LocalAddress[] {
    for (let attempt = 1; ; attempt++) {
      try {
        const links = this.#connection.links();
        const addresses = this.#connection.addresses();
        return localAddresses(links, addresses, waysOut(this.#connection));
      } catch (error) {
        if (!(error instanceof Busy) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Many changes in one turn of the event loop are told once: whoever hears of one reads everything. */
  watch(onChange: () => void): () => void {
    let due: NodeJS.Immediate | null = null;
    const stop = watchRoutes(() => {
      due ??= setImmediate(() => {
        due = null;
        onChange();
      });
    });
    return () => {
      stop();
      if (due !== null) clearImmediate(due);
    };
  }

  close(): void {
    this.#connection.close();
  }
}

/**
 * Addresses in order of preference, without those that the kernel does not use yet. Sources of default routes come
 * first, then the order of interfaces. Within an interface: the kernel's own choice (IPv4 primary), addresses with a
 * network before single ones (VRRP), the oldest. The kernel lists the newest IPv6 address first, and a later one must
 * not take over what an older one has.
 */
export function localAddresses(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
  ways: Readonly<Record<Family, WayOut>>,
): LocalAddress[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const usable = addresses
    .filter(({ flags }) => !flags.has('tentative') && !flags.has('dadfailed'))
    .map((own, place) => ({ own, place, link: byIndex.get(own.interfaceIndex) }))
    .filter((one): one is { own: InterfaceAddress; place: number; link: Link } => one.link?.up === true);
  /** Families whose default route's interfaces have no address; the kernel then takes another interface's. */
  const unnumbered = new Set(
    FAMILIES.filter(
      (family) =>
        ways[family].sources.size === 0 &&
        !usable.some(({ own }) => own.family === family && isLasting(own) && leadsOut(ways, own)),
    ),
  );
  return usable
    .map(({ own, place, link }) => {
      const way = ways[own.family];
      const isNamed =
        way.sources.has(own.address) || (unnumbered.has(own.family) && way.kernelSource === own.address);
      const isOut = leadsOut(ways, own);
      const byRoute: LocalAddress['byRoute'] = isNamed
        ? 'source'
        : isOut && isBesideGateway(way, own)
          ? 'gateway'
          : null;
      const local: LocalAddress = {
        address: own.address,
        interfaceName: link.name,
        eligible: isNamed || (isLasting(own) && (isOut || isOuterKind(link))),
        onDefaultRoute: isNamed || isOut,
        byRoute,
      };
      return { local, own, place, link };
    })
    .sort(
      (a, b) =>
        byRoutes(a.local, b.local) ||
        a.link.index - b.link.index ||
        Number(isSecondary(a.own)) - Number(isSecondary(b.own)) ||
        Number(isSingle(a.own)) - Number(isSingle(b.own)) ||
        (a.own.family === 'IPv6' && b.own.family === 'IPv6'
          ? a.own.createdAt - b.own.createdAt || b.place - a.place
          : a.place - b.place),
    )
    .map(({ local }) => local);
}

/** True if a default route leaves by the address's interface. */
function leadsOut(ways: Readonly<Record<Family, WayOut>>, own: InterfaceAddress): boolean {
  return ways[own.family].interfaces.has(own.interfaceIndex);
}

/** Neither a temporary address (RFC 8981, privacy) nor a deprecated one. */
function isLasting(own: InterfaceAddress): boolean {
  const isTemporary = own.family === 'IPv6' && own.flags.has('secondary');
  return own.scope === 'global' && !own.flags.has('deprecated') && !isTemporary;
}

/** IPv4: the kernel prefers another address of the same network. */
function isSecondary({ family, flags }: InterfaceAddress): boolean {
  return family === 'IPv4' && flags.has('secondary');
}

/** True for an address without a network, such as keepalived's virtual addresses. */
function isSingle({ family, prefixLength, peer }: InterfaceAddress): boolean {
  return peer === null && prefixLength === addressBits[family];
}
