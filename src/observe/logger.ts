import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

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
    return pino({ ...base, formatters: { level: (label) => ({ level: label }) } }, pino.destination(2));
  }
  const time = 'SYS:HH:MM:ss.l';
  return pino(
    base,
    pretty({ destination: 2, sync: true, colorize: colors, translateTime: time, singleLine: true }),
  );
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${String(error.code)})` : error.message;
}
