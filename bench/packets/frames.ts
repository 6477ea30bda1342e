import { addressBytes, type IpAddress } from '../../src/net/address.ts';

/** Bytes of the longest frame of ours: Ethernet, IPv6, TCP, no data. */
export const FRAME_BYTES = 80;

/** Hardware addresses: `ours` is the sender's, `node` is set on the node's interfaces. */
export const NODE_MAC = '02:00:00:00:00:02';
const OURS = [0x02, 0, 0, 0, 0, 0x01];
const NODES = [0x02, 0, 0, 0, 0, 0x02];

const ETHERTYPE = { IPv4: 0x0800, IPv6: 0x86dd } as const;
const PROTOCOL = { tcp: 6, udp: 17 } as const;
const HEADER_BYTES = { tcp: 20, udp: 8 } as const;
const SYN = 0x02;

/** The ends of a packet. */
export interface Ends {
  readonly protocol: 'tcp' | 'udp';
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly port: number;
}

/**
 * Writes an Ethernet frame to the node: a TCP SYN, or a UDP datagram without data. The transport checksum is 0, which
 * for UDP over IPv4 means that there is none; for all else the node must not verify it (`nf_conntrack_checksum` 0).
 *
 * @returns its length in bytes
 */
export function writeFrame(into: Uint8Array, ends: Ends): number {
  const { protocol, source, destination } = ends;
  const from = addressBytes(source);
  const to = addressBytes(destination);
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  into.fill(0);
  into.set(NODES, 0);
  into.set(OURS, 6);
  const length = HEADER_BYTES[protocol];
  const isV4 = from.length === 4;
  view.setUint16(12, isV4 ? ETHERTYPE.IPv4 : ETHERTYPE.IPv6);
  const transport = 14 + (isV4 ? 20 : 40);
  if (isV4) {
    view.setUint16(14, 0x4500);
    view.setUint16(16, 20 + length);
    into[22] = 64;
    into[23] = PROTOCOL[protocol];
    into.set(from, 26);
    into.set(to, 30);
    view.setUint16(24, checksum(view, 14, 20));
  } else {
    view.setUint16(14, 0x6000);
    view.setUint16(18, length);
    into[20] = PROTOCOL[protocol];
    into[21] = 64;
    into.set(from, 22);
    into.set(to, 38);
  }
  view.setUint16(transport, ends.sourcePort);
  view.setUint16(transport + 2, ends.port);
  if (protocol === 'tcp') {
    view.setUint32(transport + 4, 1);
    view.setUint16(transport + 12, 0x5000 | SYN);
    view.setUint16(transport + 14, 0xffff);
  } else {
    view.setUint16(transport + 4, length);
  }
  return transport + length;
}

/** Internet checksum (RFC 1071) of a header whose field for it is 0. */
function checksum(view: DataView, from: number, bytes: number): number {
  let sum = 0;
  for (let at = from; at < from + bytes; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
