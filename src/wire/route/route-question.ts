/** What RTM_GETROUTE is asked for one packet: include/uapi/linux/rtnetlink.h; ports in network byte order. */
import { familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits } from '../../net/family.ts';
import { address, be16, u8, u32, writeAttribute } from '../attributes.ts';
import { type ByteWriter, putHost32 } from '../bytes.ts';
import { familyNumber } from '../family-number.ts';
import { routeObjects } from './numbers.ts';

export interface RouteQuestion {
  readonly destination: IpAddress;
  readonly source?: IpAddress;
  /** Index: the packet came in here, so its source is checked too. */
  readonly input?: number;
  /** Index: only routes by this interface. */
  readonly output?: number;
  readonly mark?: number;
  /** As in the header: a multiple of 4. */
  readonly tos?: number;
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly port?: number;
  /** True: the route that decided, with all its nexthops, instead of the packet's way. */
  readonly isForRoute?: boolean;
}

const RTA = { DST: 1, SRC: 2, IIF: 3, OIF: 4, MARK: 16, IP_PROTO: 27, SPORT: 28, DPORT: 29 } as const;

/** `rtm_flags`: the answer names its table; the route instead of the way. */
const RTM_F_LOOKUP_TABLE = 0x1000;
const RTM_F_FIB_MATCH = 0x2000;

export function writeRouteQuestion(writer: ByteWriter, question: RouteQuestion): void {
  const {
    destination,
    source,
    input,
    output,
    mark,
    protocol,
    sourcePort,
    port,
    isForRoute = false,
    tos = 0,
  } = question;
  const family = familyOf(destination);
  const start = writer.length;
  writer.raw(new Uint8Array(routeObjects.route.header));
  writer.bytes[start] = familyNumber[family];
  writer.bytes[start + 1] = addressBits[family];
  writer.bytes[start + 2] = source === undefined ? 0 : addressBits[family];
  writer.bytes[start + 3] = tos;
  putHost32(writer.bytes, start + 8, RTM_F_LOOKUP_TABLE | (isForRoute ? RTM_F_FIB_MATCH : 0));
  writeAttribute(writer, RTA.DST, address, destination);
  if (source !== undefined) writeAttribute(writer, RTA.SRC, address, source);
  if (input !== undefined) writeAttribute(writer, RTA.IIF, u32, input);
  if (output !== undefined) writeAttribute(writer, RTA.OIF, u32, output);
  if (mark !== undefined && mark !== 0) writeAttribute(writer, RTA.MARK, u32, mark);
  if (protocol !== undefined) writeAttribute(writer, RTA.IP_PROTO, u8, protocol);
  if (sourcePort !== undefined) writeAttribute(writer, RTA.SPORT, be16, sourcePort);
  if (port !== undefined) writeAttribute(writer, RTA.DPORT, be16, port);
}
