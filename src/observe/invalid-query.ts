/** A question with a mistake; the message says how to ask it. */
export class InvalidQuery extends Error {
  readonly code = 'KNAT_INVALID_INPUT';
  override readonly name = 'InvalidQuery';
  /** Further mistakes, one line each. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.details = details;
  }
}

/** The question as read; throws InvalidQuery if a text says what is wrong with it. */
export function validQuery<Read extends object>(read: Read | string): Read {
  if (typeof read === 'string') throw new InvalidQuery(read);
  return read;
}
