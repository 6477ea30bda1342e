/** Nexthop objects (`ip nexthop`): include/uapi/linux/nexthop.h; numbers in host byte order. */
import { address, binary, nest, u32 } from '../attributes.ts';
import { host32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import type { Message } from '../messages.ts';
import type { Nexthop } from './route.ts';

/** `struct nhmsg`: family, scope, protocol, reserved, flags (4 bytes). */
const NHMSG = 8;
/** `struct nexthop_grp`: id (4 bytes), weight, two reserved bytes. */
const NEXTHOP_GRP = 8;

const nexthopAttributes = nest({
  id: [1, 'NHA_ID', u32],
  group: [2, 'NHA_GROUP', binary],
  outInterface: [5, 'NHA_OIF', u32],
  gateway: [6, 'NHA_GATEWAY', address],
});

/** One way, or a group of other objects by their ids. */
export interface NexthopObject extends Nexthop {
  readonly id: number;
  readonly members: readonly number[];
}

export function readNexthop(message: Message): NexthopObject {
  const { bytes, start, end } = message;
  if (end - start < NHMSG) throw malformed('RTM_NEWNEXTHOP without nhmsg');
  const { id, group, outInterface, gateway } = nexthopAttributes.read(
    bytes,
    start + NHMSG,
    end,
    'RTM_NEWNEXTHOP',
  );
  const members: number[] = [];
  for (let at = 0; group !== undefined && at + NEXTHOP_GRP <= group.length; at += NEXTHOP_GRP) {
    members.push(host32(group, at));
  }
  return { id: id ?? 0, interfaceIndex: outInterface ?? null, gateway: gateway ?? null, members };
}
