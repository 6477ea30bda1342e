import type { SourceCode } from '../model/finding-codes.ts';

/** A source that can never work: the caller prints the message and stops. */
export class SourceError extends Error {
  readonly code: SourceCode;

  constructor(code: SourceCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
    this.code = code;
  }
}
