import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import picocolors from 'picocolors';
import type { Line, Span } from '../forms/walk.ts';
import { printable } from '../model/printable.ts';
import { textWidth } from './text-width.ts';

const COLORS = ['bold', 'dim', 'green', 'red', 'yellow'] as const;
type Colors = Readonly<Record<(typeof COLORS)[number], (text: string) => string>>;

/**
 * Colours in a text are marks with a random part, which texts of others cannot contain. Escape sequences in such texts are
 * therefore not taken for our colours. One mark for the begin and one for the end of each colour.
 */
const MARK = `\ufdd0${randomBytes(8).toString('hex')}`;
const MARKS = new RegExp(`${MARK}(\\d\\d)`, 'g');
const { createColors } = picocolors;
/** What a terminal understands, in the order of the marks. */
const SEQUENCES = COLORS.flatMap((name) => createColors(true)[name](MARK).split(MARK));

/** A stream of the process; `columns` only where it is a terminal. */
export interface TerminalStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TerminalOptions {
  /** `auto`: on terminals. */
  readonly color?: 'auto' | 'always' | 'never';
  /** Characters in a line; null: as the terminal says, and of any length where there is none. */
  readonly columns?: number | null;
}

/**
 * What the environment says of the terminal: NO_COLOR (https://no-color.org) comes before FORCE_COLOR
 * (https://force-color.org), COLUMNS before what the terminal says of itself.
 */
export function terminalOptions(environment: Readonly<Record<string, string | undefined>>): TerminalOptions {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '', COLUMNS: columns = '' } = environment;
  return {
    color: no !== '' ? 'never' : force !== '' && force !== '0' ? 'always' : 'auto',
    columns: /^[1-9]\d{1,4}$/.test(columns) ? Number(columns) : null,
  };
}

/**
 * Where a command prints: results on standard output, everything else on standard error. Texts of others are made
 * harmless: they contain no control sequences and no line ends (`printable`).
 */
export class Terminal {
  readonly #output: TerminalStream;
  readonly #errors: TerminalStream;
  readonly #columns: number | null;
  /** Colours of standard output; functions that change nothing where none are wanted. */
  readonly colors: Colors;
  /** Standard error shows colours. */
  readonly errorColors: boolean;

  constructor(output: TerminalStream, errors: TerminalStream, options: TerminalOptions = {}) {
    const { color = 'auto', columns = null } = options;
    this.#output = output;
    this.#errors = errors;
    this.#columns = columns;
    const isWanted = (stream: TerminalStream) =>
      color === 'always' || (color === 'auto' && stream.isTTY === true);
    this.colors = colorsThat(isWanted(output));
    this.errorColors = isWanted(errors);
  }

  /** Characters in a line of standard output; null where lines may be of any length. */
  get width(): number | null {
    return this.#widthOf(this.#output);
  }

  /** Standard error is a terminal. */
  get watched(): boolean {
    return this.#errors.isTTY === true;
  }

  /** One line. */
  print(text: string): void {
    this.#output.write(`${shown(text)}\n`);
  }

  /** Our own text of several lines, such as help. Texts of others in it are `printable` already. */
  printBlock(text: string): void {
    this.#output.write(`${text.split('\n').map(shown).join('\n')}\n`);
  }

  /**
   * As `print`, a paragraph for people: where lines have a width it is wrapped between words, and goes on `indent`
   * characters from the left. Elsewhere it stays one line, so that it can be searched for.
   */
  printText(text: string, indent = 2): void {
    this.#output.write(`${wrapped(shownMarked(text), this.width, indent).replace(MARKS, sequence)}\n`);
  }

  /** To standard output, as they are: for what is `printableJson`. */
  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  /** One line, as a paragraph, as with `printText`. */
  printErrorLine(text: string): void {
    this.printError(printable(text));
  }

  /** Lines of our own, each a paragraph. What others wrote is `printable` in it already, as in `reportError`. */
  printError(text: string): void {
    const width = this.#widthOf(this.#errors);
    const lines = text.split('\n').map((line) => wrapped(printable(line), width, indentOf(line) + 2));
    this.#errors.write(`${lines.join('\n')}\n`);
  }

  /** Writes over the last line of standard error that is not ended. For terminals only. */
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

/** Colours take no room. */
function visibleLength(text: string): number {
  return textWidth(text.replace(MARKS, ''));
}

function colorsThat(areWanted: boolean): Colors {
  const paint = (index: number) => (text: string) =>
    areWanted ? `${MARK}${index * 2 + 10}${text}${MARK}${index * 2 + 11}` : text;
  return Object.fromEntries(COLORS.map((name, index) => [name, paint(index)])) as unknown as Colors;
}

/** The sequence of a mark: a replacer. */
function sequence(_mark: string, digits: string): string {
  return SEQUENCES[Number(digits) - 10] ?? '';
}

/** Everything printable but our marks. */
function shownMarked(text: string): string {
  const marks = text.match(MARKS) ?? [];
  return text
    .split(new RegExp(`${MARK}\\d\\d`))
    .map((part, index) => printable(part) + (marks[index] ?? ''))
    .join('');
}

function shown(text: string): string {
  return shownMarked(text).replace(MARKS, sequence);
}

/** A word that is longer than a line stands alone on its line, uncut. */
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
