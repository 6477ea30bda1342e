import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { printable, printableJson, printableLines } from '../model/printable.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `text`: readable lines; `json`: one object a line. */
  readonly format: 'text' | 'json';
  /** Colours in readable lines. */
  readonly colors: boolean;
}

/** A structured logger on standard error. */
export function createLogger({ level, format, colors }: LoggerOptions): Logger {
  // Where an error happened in the program matters to nobody but those who debug it.
  const serializers = level === 'debug' ? {} : { err: messageOf };
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers };
  if (format === 'json') {
    const lines = pino.destination(2);
    const formatters = { level: (label: string) => ({ level: label }) };
    return pino({ ...base, formatters }, { write: (line) => void lines.write(printableJson(line)) });
  }
  const translateTime = 'SYS:HH:MM:ss.l';
  const text = pretty.prettyFactory({ colorize: colors, translateTime, singleLine: true });
  const lines = pino.destination({ dest: 2, sync: true });
  return pino(base, { write: (line) => void lines.write(text(shown(JSON.parse(line)))) });
}

/**
 * Has what Node.js warns of (deprecations, experimental features, listeners that pile up) written into the log, and no
 * longer as plain text between its lines.
 */
export function logWarnings(logger: Logger, process: NodeJS.EventEmitter): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error) => logger.warn({ err: warning }, `Node.js: ${warning.name}`));
}

/** The same with texts that a terminal shows as they are: names and messages of others are among them. Stacks keep their lines. */
function shown(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return key === 'stack' ? printableLines(value) : printable(value);
  if (Array.isArray(value)) return value.map((item) => shown(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [printable(name), shown(item, name)]),
  );
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${String(error.code)})` : error.message;
}
