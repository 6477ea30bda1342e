import { styleText } from 'node:util';
import { printable, printableLines } from '../model/printable.ts';

/** Pino's numbers of the levels, with their colours. */
const LEVELS: Readonly<Record<number, readonly [string, 'blue' | 'green' | 'yellow' | 'red']>> = {
  20: ['DEBUG', 'blue'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
};

/**
 * A record of the log for people: time of day, level and message, then the other fields as JSON, and an error on lines of
 * its own. Text from outside is escaped for terminals.
 *
 * @param json what Pino writes: `time` in ISO 8601, `level`, `msg`, `err`, and fields of any names
 */
export function logLine(json: string, colors: boolean): string {
  const { time, level, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const painted = (color: Parameters<typeof styleText>[0], text: string) =>
    colors ? styleText(color, text, { validateStream: false }) : text;
  const [name, color] = LEVELS[Number(level)] ?? [String(level), 'red'];
  const parts = [`[${timeOfDay(new Date(String(time)))}] ${painted(color, name)}:`];
  if (typeof msg === 'string') parts.push(painted('cyan', printable(msg)));
  if (Object.keys(fields).length > 0) parts.push(painted('gray', printable(JSON.stringify(fields))));
  return `${parts.join(' ')}\n${err === undefined ? '' : `    err: ${errorText(err)}\n`}`;
}

/** In local time. */
function timeOfDay(date: Date): string {
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${date.toTimeString().slice(0, 8)}.${milliseconds}`;
}

/** The stack of an error that Pino serialised, with its line ends. */
function errorText(err: unknown): string {
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? err.stack : undefined;
  if (typeof stack !== 'string') return printable(JSON.stringify(err));
  return printableLines(stack).replaceAll('\n', '\n    ');
}
