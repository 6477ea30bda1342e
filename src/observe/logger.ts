import { type Logger, pino } from 'pino';
import { printableJson } from '../model/printable.ts';
import { logLine } from './log-line.ts';

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

/**
 * Writes warnings of Node.js (deprecations, experimental features, too many listeners) into the log, instead of as plain
 * text between its lines.
 */
export function logWarnings(logger: Logger, process: NodeJS.EventEmitter): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error) => logger.warn({ err: warning }, `Node.js: ${warning.name}`));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${String(error.code)})` : error.message;
}
