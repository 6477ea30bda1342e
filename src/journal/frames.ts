import { constants, crc32, inflateRawSync } from 'node:zlib';

/**
 * The bytes of a segment: MAGIC, then frames. A frame is a header of eight bytes (length and CRC-32 of the piece, both
 * little-endian) and a piece of one raw deflate stream that ends with a flush, so that each piece can be read when it is
 * there. Whatever follows a frame that is not whole or not right is not read: a crash may have torn it.
 */
export const MAGIC = Buffer.from('knat-journal-1\n');

const HEADER_BYTES = 8;

export function frameOf(piece: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(piece.length, 0);
  header.writeUInt32LE(crc32(piece), 4);
  return Buffer.concat([header, piece]);
}

/** A limit for damaged files. */
const LONGEST = 512 << 20;

/** What the whole frames contain; null: the file is no segment. */
export function contentsOf(file: Buffer): Buffer | null {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const pieces: Buffer[] = [];
  for (let at = MAGIC.length; at + HEADER_BYTES <= file.length; ) {
    const length = file.readUInt32LE(at);
    const piece = file.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (piece.length < length || crc32(piece) !== file.readUInt32LE(at + 4)) break;
    pieces.push(piece);
    at += HEADER_BYTES + length;
  }
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: LONGEST };
  return pieces.length === 0 ? Buffer.alloc(0) : inflateRawSync(Buffer.concat(pieces), options);
}

/** The texts between line ends; a last line without an end is left out. */
export function* linesIn(contents: Buffer): Generator<string> {
  let start = 0;
  for (let end = contents.indexOf(10); end >= 0; end = contents.indexOf(10, start)) {
    yield contents.toString('utf8', start, end);
    start = end + 1;
  }
}
