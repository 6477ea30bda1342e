import { readSegment, type SegmentFile } from './folder.ts';
import { contentsOf, framesIn, linesIn } from './frames.ts';
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

/** Null: it was deleted meanwhile, or its header cannot be read. */
export async function readHeader(file: SegmentFile): Promise<Header | null> {
  const bytes = await readSegment(file, HEADER_BYTES);
  return bytes === null ? null : headerIn(contentsOf(framesIn(bytes)));
}

/** Everything in the file can be read, or the file was deleted meanwhile. */
export async function isWhole(file: SegmentFile): Promise<boolean> {
  const bytes = await readSegment(file);
  return bytes === null || framesIn(bytes).end === bytes.length;
}

/** A segment that is read. */
export class Segment {
  readonly number: number;
  readonly path: string;
  readonly header: Header;
  /** What is wrong with the file: `…/0000000012-….journal is damaged …`; null: nothing. */
  readonly damage: string | null;
  readonly #contents: Buffer;

  /** Null: it was deleted meanwhile. A text: nothing of it can be read, and why. */
  static async read(file: SegmentFile): Promise<Segment | string | null> {
    const bytes = await readSegment(file);
    if (bytes === null) return null;
    const frames = framesIn(bytes);
    const contents = contentsOf(frames);
    const header = headerIn(contents);
    const damage =
      frames.end === bytes.length
        ? null
        : `${file.path} is damaged after ${frames.end} of ${bytes.length} bytes`;
    if (header === null) return damage ?? `${file.path} is damaged: it has no header`;
    if (!contents.includes(COMPLETE)) return damage ?? `${file.path} is damaged: its first state is cut off`;
    return new Segment(file, header, contents, damage);
  }

  private constructor(
    { number, path }: SegmentFile,
    header: Header,
    contents: Buffer,
    damage: string | null,
  ) {
    this.number = number;
    this.path = path;
    this.header = header;
    this.damage = damage;
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

/** No fact contains this: its line ends are written as `\n`. */
const COMPLETE = '\n["complete"]\n';

function headerIn(contents: Buffer): Header | null {
  const [first] = linesIn(contents);
  const line = first === undefined ? null : parseLine(first);
  return line?.[0] === 'journal' && line[1].format === 1 ? line[1] : null;
}
