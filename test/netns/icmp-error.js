/**
 * Sends one ICMP error about a packet that nobody sent from here, as a router or a host sends it.
 *
 *     node icmp-error.js REPORTER TYPE CODE PROTOCOL SOURCE SOURCE-PORT DESTINATION PORT
 *
 * The packet inside is from SOURCE to DESTINATION, and so the error goes to SOURCE.
 */
import { addressBytes } from './sctp/address.js';
import { RawSocket } from './sctp/raw-socket.js';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

const [reporter = '', type, code, protocol, source = '', sourcePort, destination = '', port] =
  process.argv.slice(2);
const isV6 = reporter.includes(':');
const socket = new RawSocket(reporter, isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
socket.send(error(), source);
socket.close();

/** RFC 792, RFC 4443: type, code, checksum, four bytes, then the packet. For IPv6 the kernel writes the checksum. */
function error() {
  const head = Buffer.alloc(8);
  head[0] = Number(type);
  head[1] = Number(code);
  head.writeUInt16BE(1400, 6); // the MTU of fragmentation needed
  if (isV6) head.writeUInt32BE(1400, 4);
  const bytes = Buffer.concat([head, isV6 ? headerV6() : headerV4(), transport()]);
  if (!isV6) bytes.writeUInt16BE(checksum(bytes), 2);
  return bytes;
}

function headerV4() {
  const bytes = Buffer.alloc(20);
  bytes[0] = 0x45;
  bytes.writeUInt16BE(1500, 2);
  bytes[8] = 64;
  bytes[9] = Number(protocol);
  bytes.set(addressBytes(source), 12);
  bytes.set(addressBytes(destination), 16);
  bytes.writeUInt16BE(checksum(bytes), 10);
  return bytes;
}

function headerV6() {
  const bytes = Buffer.alloc(40);
  bytes[0] = 0x60;
  bytes.writeUInt16BE(1460, 4);
  bytes[6] = Number(protocol);
  bytes[7] = 64;
  bytes.set(addressBytes(source), 8);
  bytes.set(addressBytes(destination), 24);
  return bytes;
}

/** The ports, and for TCP as much as conntrack wants to see. */
function transport() {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16BE(Number(sourcePort), 0);
  bytes.writeUInt16BE(Number(port), 2);
  bytes[12] = 5 << 4;
  return bytes;
}

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
