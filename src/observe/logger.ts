import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A structured logger on standard error: JSON lines, or readable lines where a person looks on. */
export function createLogger(level: LogLevel, readable: boolean): Logger {
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!readable)
    return pino({ ...base, formatters: { level: (label) => ({ level: label }) } }, pino.destination(2));
  return pino(base, pretty({ destination: 2, sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l' }));
}
