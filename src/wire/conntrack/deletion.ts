/**
 * The attributes of IPCTNL_MSG_CT_DELETE, written by hand: connections to a gone endpoint are deleted by the ten thousand, and the
 * table `conntrackAttributes` of entry.ts takes five times as long. A test compares the two.
 */
import { putAddress } from '../../net/address.ts';
import { NLA_F_NESTED } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import type { ConntrackEntry } from './entry.ts';

/** What names an entry, and no later one of the same tuple. */
export type EntryName = Pick<ConntrackEntry, 'family' | 'protocol' | 'original' | 'id' | 'zone'>;

const CTA_TUPLE_ORIG = 1 | NLA_F_NESTED;
const CTA_TUPLE_IP = 1 | NLA_F_NESTED;
const CTA_TUPLE_PROTO = 2 | NLA_F_NESTED;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_ID = 12;
const CTA_ZONE = 18;

/** For a protocol with ports. */
export function writeDeletion(writer: ByteWriter, { family, protocol, original, id, zone }: EntryName): void {
  const isV4 = family === 'IPv4';
  const length = isV4 ? 4 : 16;
  const source = isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
  const tuple = writer.open(CTA_TUPLE_ORIG);
  const ip = writer.open(CTA_TUPLE_IP);
  for (const [number, address] of [
    [source, original.src],
    [source + 1, original.dst],
  ] as const) {
    writer.host16(4 + length);
    writer.host16(number);
    writer.reserve(length);
    putAddress(writer.bytes, writer.length, address);
    writer.length += length;
  }
  writer.close(ip);
  const ends = writer.open(CTA_TUPLE_PROTO);
  const number = writer.open(CTA_PROTO_NUM);
  writer.u8(protocol);
  writer.close(number);
  port(writer, CTA_PROTO_SRC_PORT, original.sport);
  port(writer, CTA_PROTO_DST_PORT, original.dport);
  writer.close(ends);
  writer.close(tuple);
  const identity = writer.open(CTA_ID);
  writer.net32(id);
  writer.close(identity);
  if (zone !== 0) port(writer, CTA_ZONE, zone);
}

function port(writer: ByteWriter, type: number, value: number): void {
  const start = writer.open(type);
  writer.net16(value);
  writer.close(start);
}
