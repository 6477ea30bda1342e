import { randomBytes } from 'node:crypto';
import picocolors from 'picocolors';
import type { Line, Span } from '../forms/walk.ts';
import { printable } from '../model/printable.ts';
import { textWidth } from './text-width.ts';

const COLORS = ['bold', 'dim', 'green', 'red', 'yellow'] as const;
type Colors = Readonly<Record<(typeof COLORS)[number], (text: string) => string>>;

/**
 * Marks for the begin and end of each colour. Their random part keeps foreign texts from containing them, so escape
 * sequences in those are never taken for our colours.
 */
interface Marks {
  readonly mark: string;
  readonly all: RegExp;
  /** Escape sequences in the order of the marks. */
  readonly sequences: readonly string[];
}

/** Null until something is coloured. */
let marks: Marks | null = null;

function madeMarks(): Marks {
  if (marks !== null) return marks;
  const mark = `\ufdd0${randomBytes(8).toString('hex')}`;
  const colors = picocolors.createColors(true);
  const sequences = COLORS.flatMap((name) => colors[name](mark).split(mark));
  marks = { mark, all: new RegExp(`${mark}(\\d\\d)`, 'g'), sequences };
  return marks;
}

/** `columns` is defined only on a terminal. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string | Uint8Array): unknown;
}

export interface TerminalOptions {
  /** `auto`: only on terminals. */
  readonly color?: 'auto' | 'always' | 'never';
  /** Characters in a line; null: the terminal's width, or unlimited without a terminal. */
  readonly columns?: number | null;
}

/** NO_COLOR (https://no-color.org) overrides FORCE_COLOR (https://force-color.org). */
export function terminalOptions(environment: Readonly<Record<string, string | undefined>>): TerminalOptions {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '', COLUMNS: columns = '' } = environment;
  return {
    color: no !== '' ? 'never' : force !== '' && force !== '0' ? 'always' : 'auto',
    columns: /^[1-9]\d{1,4}$/.test(columns) ? Number(columns) : null,
  };
}

/**
 * Prints results to standard output, everything else to standard error. Foreign text is escaped (`printable`): it
 * cannot contain control sequences or line ends.
 */
export class Terminal {
  readonly #output: TerminalStream;
  readonly #errors: TerminalStream;
  readonly #columns: number | null;
  /** For standard output; functions without effect if colours are off. */
  readonly colors: Colors;
  readonly #areErrorsColored: () => boolean;

  constructor(output: TerminalStream, errors: TerminalStream, options: TerminalOptions = {}) {
    const { color = 'auto', columns = null } = options;
    this.#output = output;
    this.#errors = errors;
    this.#columns = columns;
    const isWanted = (stream: TerminalStream) =>
      color === 'always' || (color === 'auto' && stream.isTTY === true);
    this.colors = colorsThat(isWanted(output));
    this.#areErrorsColored = () => isWanted(errors);
  }

  get errorColors(): boolean {
    return this.#areErrorsColored();
  }

  /** Characters in a line of standard output; null: unlimited. */
  get width(): number | null {
    return this.#widthOf(this.#output);
  }

  /** Standard error is a terminal. */
  get watched(): boolean {
    return this.#errors.isTTY === true;
  }

  print(text: string): void {
    this.#output.write(`${shown(text)}\n`);
  }

  /** Our own text of several lines, such as help. Foreign text in it is already `printable`. */
  printBlock(text: string): void {
    this.#output.write(`${text.split('\n').map(shown).join('\n')}\n`);
  }

  /** For programs: columns with tabs in between, as they are. */
  printColumns(...columns: readonly string[]): void {
    this.#output.write(`${columns.map(shown).join('\t')}\n`);
  }

  /** A wrapped paragraph. With unlimited width it stays one line, so that it can be searched. */
  printText(text: string, indent = 2): void {
    this.#output.write(`${painted(wrapped(shownMarked(text), this.width, indent))}\n`);
  }

  /** Raw bytes for standard output; text must be `printableJson`. */
  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  printErrorLine(text: string): void {
    this.printError(printable(text));
  }

  /** Each line of ours is a paragraph. Foreign text in it is already `printable`, as in `reportError`. */
  printError(text: string): void {
    const width = this.#widthOf(this.#errors);
    const lines = text.split('\n').map((line) => wrapped(printable(line), width, indentOf(line) + 2));
    this.#errors.write(`${lines.join('\n')}\n`);
  }

  /** Overwrites the unfinished last line of standard error. For terminals only. */
  printOver(text: string): void {
    this.#errors.write(`\r\u001b[K${printable(text)}`);
  }

  printLines(lines: readonly Line[]): void {
    for (const line of lines) {
      this.print(
        line
          .map(({ text, tone }) => this.#paint(text, tone))
          .join('')
          .trimEnd(),
      );
    }
  }

  #widthOf(stream: TerminalStream): number | null {
    // A terminal without a known size (a Pod's, before kubectl sets it) has 0 columns.
    return this.#columns ?? (stream.isTTY === true ? stream.columns || 80 : null);
  }

  #paint(text: string, tone: Span['tone']): string {
    switch (tone) {
      case 'plain':
        return text;
      case 'dim':
        return this.colors.dim(text);
      case 'good':
        return this.colors.green(text);
      case 'bad':
        return this.colors.red(text);
      case 'strong':
        return this.colors.bold(text);
      default:
        return tone satisfies never;
    }
  }
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Colour marks have no width. */
function visibleLength(text: string): number {
  return textWidth(marks === null ? text : text.replace(marks.all, ''));
}

function colorsThat(areWanted: boolean): Colors {
  const paint = (index: number) => (text: string) => {
    if (!areWanted) return text;
    const { mark } = madeMarks();
    return `${mark}${index * 2 + 10}${text}${mark}${index * 2 + 11}`;
  };
  return Object.fromEntries(COLORS.map((name, index) => [name, paint(index)])) as unknown as Colors;
}

/** Replaces the marks by their escape sequences. */
function painted(text: string): string {
  if (marks === null) return text;
  const { all, sequences } = marks;
  return text.replace(all, (_, digits: string) => sequences[Number(digits) - 10] ?? '');
}

/** Escapes everything unprintable except our marks. */
function shownMarked(text: string): string {
  if (marks === null) return printable(text);
  const found = text.match(marks.all) ?? [];
  return text
    .split(new RegExp(`${marks.mark}\\d\\d`))
    .map((part, index) => printable(part) + (found[index] ?? ''))
    .join('');
}

function shown(text: string): string {
  return painted(shownMarked(text));
}

/** A word longer than a line gets its own line, uncut. */
function wrapped(text: string, width: number | null, indent: number): string {
  if (width === null || visibleLength(text) <= width) return text;
  const margin = ' '.repeat(Math.min(indent, width >> 1));
  const lines: string[] = [];
  const start = indentOf(text);
  let line = text.slice(0, start);
  let isEmpty = true;
  for (const word of text.slice(start).split(' ')) {
    if (!isEmpty && visibleLength(line) + 1 + visibleLength(word) > width) {
      lines.push(line.trimEnd());
      line = margin + word;
    } else line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  lines.push(line);
  return lines.join('\n');
}
