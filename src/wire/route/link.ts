/** Network interfaces: include/uapi/linux/rtnetlink.h and if_link.h; all numbers in host byte order. */
import { nest, skipped, string, u32 } from '../attributes.ts';
import { host32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import type { Message } from '../messages.ts';

/** `struct ifinfomsg`: family, padding, type (2 bytes), index (4), flags (4), change mask (4). */
const IFINFOMSG = 16;

/** `ifi_flags`: include/uapi/linux/if.h */
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;

const linkInfoAttributes = nest({
  kind: [1, 'IFLA_INFO_KIND', string],
  data: [2, 'IFLA_INFO_DATA', skipped],
});

const linkAttributes = nest({
  name: [3, 'IFLA_IFNAME', string],
  master: [10, 'IFLA_MASTER', u32],
  info: [18, 'IFLA_LINKINFO', linkInfoAttributes],
});

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Switched on by the administrator (IFF_UP). */
  readonly up: boolean;
  readonly loopback: boolean;
  /** `bridge`, `veth`, `vxlan`, `tun`, `dummy`, …; null for hardware and loopback. */
  readonly kind: string | null;
  /** Index of its bridge or bond, or null. */
  readonly master: number | null;
}

export function readLink(message: Message): Link {
  const { bytes, start, end } = message;
  if (end - start < IFINFOMSG) throw malformed('RTM_NEWLINK without ifinfomsg');
  const { name, master, info } = linkAttributes.read(bytes, start + IFINFOMSG, end, 'RTM_NEWLINK');
  const flags = host32(bytes, start + 8);
  return {
    index: host32(bytes, start + 4),
    name: name ?? '',
    up: (flags & IFF_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    kind: info?.kind ?? null,
    master: master ?? null,
  };
}
