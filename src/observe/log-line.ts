import { styleText } from 'node:util';
import { printable, printableLines } from '../model/printable.ts';

/** By Pino's level numbers. */
const LEVELS: Readonly<Record<number, readonly [string, 'blue' | 'green' | 'yellow' | 'red']>> = {
  20: ['DEBUG', 'blue'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
};

/**
 * A log record for people: local time of day, level and message, then other fields as JSON, and an error on its own
 * lines. Foreign text is escaped for terminals.
 *
 * @param json Pino's output: `time` in ISO 8601, `level`, `msg`, `err`, and any other fields
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

function timeOfDay(date: Date): string {
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${date.toTimeString().slice(0, 8)}.${milliseconds}`;
}

/** The stack, multi-line, of an error that Pino serialised. */
function errorText(err: unknown): string {
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? err.stack : undefined;
  if (typeof stack !== 'string') return printable(JSON.stringify(err));
  return printableLines(stack).replaceAll('\n', '\n    ');
}
