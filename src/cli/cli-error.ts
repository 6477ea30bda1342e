import type { CommandCode } from './error-codes.ts';

/** An error that the user should correct. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CommandCode;
  /** One line each, shown below the message. */
  readonly details: readonly string[];

  constructor(code: CommandCode, message: string, details: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
