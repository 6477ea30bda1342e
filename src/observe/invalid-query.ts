/** The message says how to ask correctly. */
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

/** Throws InvalidQuery if `read` is a text, which says what is wrong. */
export function validQuery<Read extends object>(read: Read | string): Read {
  if (typeof read === 'string') throw new InvalidQuery(read);
  return read;
}
