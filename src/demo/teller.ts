import { formatEndpoint } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Ending, expectedEndings, type FlowResult, type StagedFlow } from './flow.ts';

/** Output of the demo: `print` takes one line without its end; the others colour a text, or leave it. */
export interface Display {
  readonly print: (line: string) => void;
  readonly strong: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** Column width of the dialled address: `[2001:db8:0:113::11]:30080`. */
const TARGET_WIDTH = 27;
const INDENT = '     ';

/** Prints what was dialled, which host answered and which source it saw, in lines of at most 80 characters. */
export class Teller {
  readonly #display: Display;
  #flows = 0;

  constructor(display: Display) {
    this.#display = display;
  }

  heading(text: string): void {
    this.#display.print('');
    this.#display.print(this.#display.strong(text));
  }

  lines(lines: readonly string[]): void {
    for (const line of lines) this.#display.print(line);
  }

  remark(text: string): void {
    this.#display.print(this.#display.dim(text));
  }

  /** Prints `what` in its own column. */
  fact(what: string, text: string): void {
    this.#display.print(`  ${this.#display.dim(what.padEnd(11))}${text}`);
  }

  flow(flow: StagedFlow, outcomes: readonly FlowResult[]): void {
    const { print, dim } = this.#display;
    this.#flows++;
    print(`${String(this.#flows).padStart(3)}. ${flow.title}`);
    print(INDENT + dim(flow.remark));
    for (const outcome of outcomes) this.#outcome(outcome);
  }

  /** Prints the totals; scripts may look for the last line. */
  summary(outcomes: readonly FlowResult[]): void {
    const { print, good, bad } = this.#display;
    const wrong = outcomes.filter(({ asExpected }) => !asExpected);
    if (wrong.length > 0) this.heading('Not as expected');
    for (const outcome of wrong) {
      print(`  ${outcome.flow.title}, ${outcome.family}: ${listed(outcome.endings)}`);
      print(`    expected: ${listed(expectedEndings(outcome.flow, outcome.family))}`);
    }
    const paint = wrong.length > 0 ? bad : good;
    print('');
    print(paint(`demo: ${outcomes.length - wrong.length} translations as expected, ${wrong.length} not`));
  }

  #outcome({ flow, family, endings, asExpected }: FlowResult): void {
    const { print, good, bad } = this.#display;
    const target = formatEndpoint(flow.to[family], flow.port).padEnd(TARGET_WIDTH);
    const often = endings.reduce((sum, { count }) => sum + count, 0) > 1;
    for (const [index, ending] of endings.entries()) {
      const mark = index > 0 ? ' ' : asExpected ? good('✓') : bad('✗');
      const left = index > 0 ? ''.padEnd(TARGET_WIDTH) : target;
      print(`${INDENT}${mark} ${left}${endingText(ending, often)}`);
    }
    if (!asExpected) print(bad(`${INDENT}  expected: ${listed(expectedEndings(flow, family))}`));
  }
}

/** `web1 11×, saw 10.244.1.10`. */
function endingText({ end, saw, count }: Ending, often: boolean): string {
  const times = often ? `${String(count).padStart(3)}×` : '';
  return saw === null ? end + times : `${end}${times}, saw ${saw}`;
}

function listed(endings: readonly Omit<Ending, 'count'>[]): string {
  return endings.map(({ end, saw }) => (saw === null ? end : `${end}, which saw ${saw}`)).join('; ');
}

/** `82 ms` or, with several families, `82 ms (IPv4), 85 ms (IPv6)`. */
export function timesText(
  times: readonly { readonly family: Family; readonly milliseconds: number }[],
): string {
  return times.map(({ family, milliseconds }) => `${Math.round(milliseconds)} ms (${family})`).join(', ');
}
