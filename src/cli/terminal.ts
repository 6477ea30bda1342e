import type { Writable } from 'node:stream';
import picocolors from 'picocolors';
import type { Line, Tone } from '../explain/lines.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

/** A stream of the process; `columns` only where it is a terminal. */
export interface TerminalStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where a command prints: what was asked for on standard output, everything else on standard error. */
export class Terminal {
  readonly #output: TerminalStream;
  readonly #errors: TerminalStream;
  /** Colours of standard output; functions that change nothing where none are wanted. */
  readonly colors: Colors;
  /** Standard error is a terminal that shows colours. */
  readonly errorColors: boolean;

  /** Colours only on terminals, and never with `noColor` (https://no-color.org). */
  constructor(output: TerminalStream, errors: TerminalStream, noColor: boolean) {
    this.#output = output;
    this.#errors = errors;
    this.colors = picocolors.createColors(output.isTTY === true && !noColor);
    this.errorColors = errors.isTTY === true && !noColor;
  }

  /** Characters in a line of standard output; null where it is no terminal, and lines may be of any length. */
  get width(): number | null {
    return this.#output.isTTY === true ? (this.#output.columns ?? 80) : null;
  }

  /** Somebody looks at standard error while the command runs. */
  get watched(): boolean {
    return this.#errors.isTTY === true;
  }

  print(text: string): void {
    this.#output.write(`${text}\n`);
  }

  /** To standard output, as they are. */
  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  printError(text: string): void {
    this.#errors.write(`${text}\n`);
  }

  /** Writes over the last line of standard error that is not ended. For terminals only. */
  printOver(text: string): void {
    this.#errors.write(`\r\u001b[K${text}`);
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

  #paint(text: string, tone: Tone): string {
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
