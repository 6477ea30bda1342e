/**
 * The two packets of an SCTP association that is only begun (RFC 9260): INIT, and INIT ACK, whose state cookie
 * carries a text. Pure: bytes in, bytes out; all numbers in network order, save the checksum.
 */

const INIT = 1;
const INIT_ACK = 2;
/** Common header (section 3) and the fixed part of INIT and INIT ACK (sections 3.3.2 and 3.3.3). */
const HEADER = 12;
const INIT_CHUNK = 20;
/** Parameter type "State Cookie". */
const STATE_COOKIE = 7;

/**
 * @typedef {object} Association
 * @property {number} sourcePort
 * @property {number} port
 * @property {number} tag what the other end is to put into its packets, never 0
 */

/**
 * @param {Association} association
 * @returns {Uint8Array}
 */
export function initPacket(association) {
  return packet(INIT, 0, association, new Uint8Array());
}

/**
 * @param {Association} association
 * @param {number} peerTag the tag of the INIT that is answered
 * @param {string} cookie
 * @returns {Uint8Array}
 */
export function initAckPacket(association, peerTag, cookie) {
  const text = Buffer.from(cookie);
  const parameter = Buffer.alloc(4 + Math.ceil(text.length / 4) * 4);
  parameter.writeUInt16BE(STATE_COOKIE, 0);
  parameter.writeUInt16BE(4 + text.length, 2);
  text.copy(parameter, 4);
  return packet(INIT_ACK, peerTag, association, parameter);
}

/**
 * Reads either packet; null for any other, and for one whose checksum is wrong.
 * @param {Uint8Array} bytes
 * @returns {(Association & { kind: 'INIT' | 'INIT ACK', cookie: string }) | null}
 */
export function readPacket(bytes) {
  const view = Buffer.from(bytes);
  if (view.length < HEADER + INIT_CHUNK || view.readUInt32LE(8) !== checksum(view)) return null;
  const type = view.readUInt8(HEADER);
  if (type !== INIT && type !== INIT_ACK) return null;
  const parameter = HEADER + INIT_CHUNK;
  const hasCookie = view.length >= parameter + 4 && view.readUInt16BE(parameter) === STATE_COOKIE;
  const end = hasCookie ? parameter + view.readUInt16BE(parameter + 2) : parameter;
  return {
    kind: type === INIT ? 'INIT' : 'INIT ACK',
    sourcePort: view.readUInt16BE(0),
    port: view.readUInt16BE(2),
    tag: view.readUInt32BE(HEADER + 4),
    cookie: hasCookie ? view.toString('utf8', parameter + 4, end) : '',
  };
}

/**
 * @param {number} type
 * @param {number} verificationTag
 * @param {Association} association
 * @param {Uint8Array} parameters
 */
function packet(type, verificationTag, { sourcePort, port, tag }, parameters) {
  const bytes = Buffer.alloc(HEADER + INIT_CHUNK + parameters.length);
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.writeUInt32BE(verificationTag, 4);
  bytes.writeUInt8(type, HEADER);
  bytes.writeUInt16BE(INIT_CHUNK + parameters.length, HEADER + 2);
  bytes.writeUInt32BE(tag, HEADER + 4);
  bytes.writeUInt32BE(65536, HEADER + 8); // receiver window
  bytes.writeUInt16BE(1, HEADER + 12); // outbound streams
  bytes.writeUInt16BE(1, HEADER + 14); // inbound streams
  bytes.writeUInt32BE(tag, HEADER + 16); // initial sequence number
  bytes.set(parameters, HEADER + INIT_CHUNK);
  bytes.writeUInt32LE(checksum(bytes), 8);
  return bytes;
}

/**
 * CRC32c over the packet with its checksum field taken as 0 (section 6.8 and appendix A).
 * @param {Uint8Array} bytes
 */
function checksum(bytes) {
  let crc = 0xffffffff;
  for (const [index, byte] of bytes.entries()) {
    crc ^= index >= 8 && index < 12 ? 0 : byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
