/**
 * Sends TCP segments that no socket of this host knows of: one byte each, with the ACK flag, for each sequence number.
 *
 *     node tcp-segments.js SOURCE SOURCE-PORT DESTINATION PORT SEQUENCE...
 */
import { addressBytes } from './sctp/address.js';
import { RawSocket } from './sctp/raw-socket.js';

const IPPROTO_TCP = 6;
const ACK = 0x10;

const [source = '', sourcePort, destination = '', port, ...sequences] = process.argv.slice(2);
const socket = new RawSocket(source, IPPROTO_TCP);
for (const sequence of sequences) socket.send(segment(Number(sequence)), destination);
socket.close();

/**
 * RFC 9293, section 3.1.
 * @param {number} sequence
 */
function segment(sequence) {
  const bytes = Buffer.alloc(21);
  bytes.writeUInt16BE(Number(sourcePort), 0);
  bytes.writeUInt16BE(Number(port), 2);
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeUInt32BE(1, 8);
  bytes[12] = 5 << 4; // words of the header
  bytes[13] = ACK;
  bytes.writeUInt16BE(64, 14);
  bytes.writeUInt16BE(checksum(bytes), 16);
  return bytes;
}

/**
 * Over the pseudo header and the segment: with a wrong one, connection tracking would not look any further.
 * @param {Uint8Array} bytes
 */
function checksum(bytes) {
  const pseudo = Buffer.concat([
    addressBytes(source),
    addressBytes(destination),
    Uint8Array.of(0, IPPROTO_TCP, 0, bytes.length),
    bytes,
    Uint8Array.of(0),
  ]);
  let sum = 0;
  for (let i = 0; i + 1 < pseudo.length; i += 2) sum += pseudo.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
