import { readSegment, type SegmentFile } from './folder.ts';
import { contentsOf, linesIn } from './frames.ts';
import {
  type ChangeLine,
  type Header,
  type Line,
  type MarkLine,
  parseLine,
  type StateLine,
} from './lines.ts';

/** The header is the first frame, and smaller than this. */
const HEADER_BYTES = 4096;

/** Null: as in `Segment.read`. */
export async function readHeader(file: SegmentFile): Promise<Header | null> {
  const bytes = await readSegment(file, HEADER_BYTES);
  const contents = bytes === null ? null : contentsOf(bytes);
  return contents === null ? null : headerIn(contents);
}

/** A segment that is read. */
export class Segment {
  readonly number: number;
  readonly header: Header;
  readonly #contents: Buffer;

  /** Null: it was deleted meanwhile, or has no first state that can be read. */
  static async read(file: SegmentFile): Promise<Segment | null> {
    const bytes = await readSegment(file);
    const contents = bytes === null ? null : contentsOf(bytes);
    if (contents === null) return null;
    const header = headerIn(contents);
    return header === null ? null : new Segment(file.number, header, contents);
  }

  private constructor(number: number, header: Header, contents: Buffer) {
    this.number = number;
    this.header = header;
    this.#contents = contents;
  }

  /** All lines after the header. */
  *lines(): Generator<StateLine | ChangeLine | MarkLine> {
    for (const text of linesIn(this.#contents)) {
      const line: Line = parseLine(text);
      if (line[0] !== 'journal') yield line;
    }
  }
}

function headerIn(contents: Buffer): Header | null {
  const [first] = linesIn(contents);
  const line = first === undefined ? null : parseLine(first);
  return line?.[0] === 'journal' && line[1].format === 1 ? line[1] : null;
}
