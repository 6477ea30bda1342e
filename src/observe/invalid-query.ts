/** A question that cannot be asked as it stands; the message says how to ask it. */
export class InvalidQuery extends Error {
  readonly code = 'KNAT_INVALID_INPUT';
  override readonly name = 'InvalidQuery';
  /** One line each: what else is wrong. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.details = details;
  }
}

/** What was read of a question. Throws InvalidQuery where that is the text of what is wrong. */
export function validQuery<Read extends object>(read: Read | string): Read {
  if (typeof read === 'string') throw new InvalidQuery(read);
  return read;
}
