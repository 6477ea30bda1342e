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
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') {
    return pino({ ...base, formatters: { level: (label) => ({ level: label }) } }, pino.destination(2));
  }
  const hideStacks = level === 'debug' ? {} : { ignore: 'err.stack' };
  return pino(
    base,
    pretty({ destination: 2, sync: true, colorize: colors, translateTime: 'SYS:HH:MM:ss.l', ...hideStacks }),
  );
}
