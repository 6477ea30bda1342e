import { constants, crc32, createInflateRaw, inflateRawSync } from 'node:zlib';

/**
 * The bytes of a segment: MAGIC, then frames. A frame is a header of eight bytes (length and CRC-32 of the piece, both
 * little-endian) and a piece of one raw deflate stream that ends with a flush, so that each piece can be read when it is
 * there. A process that goes on with a segment begins with a fresh window of the same stream. Whatever follows a frame
 * that is not whole or not right is not read: a crash may have torn it.
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

export interface Frames {
  readonly pieces: readonly Buffer[];
  /** Bytes of the file up to the end of the last frame that is right; 0: it does not begin as a segment. */
  readonly end: number;
}

/** The frames before the first one that is not whole or not right. */
export function framesIn(file: Buffer): Frames {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return { pieces: [], end: 0 };
  const pieces: Buffer[] = [];
  let end = MAGIC.length;
  while (end + HEADER_BYTES <= file.length) {
    const length = file.readUInt32LE(end);
    const piece = file.subarray(end + HEADER_BYTES, end + HEADER_BYTES + length);
    if (piece.length < length || crc32(piece) !== file.readUInt32LE(end + 4)) break;
    pieces.push(piece);
    end += HEADER_BYTES + length;
  }
  return { pieces, end };
}

/** What the frames contain. */
export function contentsOf({ pieces }: Frames): Buffer {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: LONGEST, chunkSize: 1 << 20 };
  return pieces.length === 0 ? Buffer.alloc(0) : inflateRawSync(Buffer.concat(pieces), options);
}

/** What some frames contain. */
export interface Part {
  readonly contents: Buffer;
  /** Bytes of the file up to the end of these frames. */
  readonly end: number;
}

/** Bytes that are inflated together: about 0.2 MB of lines. */
const TOGETHER = 16 << 10;

/** As `contentsOf`, some frames at a time; others have their turn between them. */
export async function* partsOf(frames: Frames): AsyncGenerator<Part> {
  const inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
  let parts: Buffer[] = [];
  inflate.on('data', (part: Buffer) => parts.push(part));
  try {
    for (const { bytes, end } of groupsOf(frames)) {
      await new Promise<void>((resolve, reject) => {
        inflate.once('error', reject);
        inflate.write(bytes);
        inflate.flush(constants.Z_SYNC_FLUSH, () => {
          inflate.off('error', reject);
          resolve();
        });
      });
      const contents = Buffer.concat(parts);
      parts = [];
      yield { contents, end };
    }
  } finally {
    inflate.close();
  }
}

function* groupsOf({ pieces }: Frames): Generator<{ readonly bytes: Buffer; readonly end: number }> {
  let group: Buffer[] = [];
  let size = 0;
  let end = MAGIC.length;
  for (const piece of pieces) {
    group.push(piece);
    size += piece.length;
    end += HEADER_BYTES + piece.length;
    if (size < TOGETHER) continue;
    yield { bytes: Buffer.concat(group), end };
    group = [];
    size = 0;
  }
  if (size > 0) yield { bytes: Buffer.concat(group), end };
}

/** The texts between line ends; a last line without an end is left out. */
export function* linesIn(contents: Buffer): Generator<string> {
  let start = 0;
  for (let end = contents.indexOf(10); end >= 0; end = contents.indexOf(10, start)) {
    yield contents.toString('utf8', start, end);
    start = end + 1;
  }
}
