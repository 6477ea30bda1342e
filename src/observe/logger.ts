import { type Logger, pino } from 'pino';
import { printableJson } from '../model/printable.ts';
import { logLine } from './log-line.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `text`: readable lines; `json`: one object a line. */
  readonly format: 'text' | 'json';
  /** Colours for `text`. */
  readonly colors: boolean;
}

/** Logs to standard error. */
export function createLogger({ level, format, colors }: LoggerOptions): Logger {
  // Stack traces are only for debugging.
  const serializers = level === 'debug' ? {} : { err: messageOf };
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers };
  if (format === 'json') {
    const lines = pino.destination(2);
    const formatters = { level: (label: string) => ({ level: label }) };
    return pino({ ...base, formatters }, { write: (line) => void lines.write(printableJson(line)) });
  }
  const lines = pino.destination({ dest: 2, sync: true });
  return pino(base, { write: (line) => void lines.write(logLine(line, colors)) });
}

/** Logs warnings of Node.js (deprecations, too many listeners), which would otherwise appear as plain text. */
export function logWarnings(logger: Logger, process: NodeJS.EventEmitter): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error) => logger.warn({ err: warning }, `Node.js: ${warning.name}`));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${String(error.code)})` : error.message;
}
