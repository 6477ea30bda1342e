import type { NoticeCode } from './finding-codes.ts';
import { formatRef, type ObjectRef } from './object.ts';

/** How much a finding matters: a `note` explains, a `warning` may cost packets, an `error` does. */
export type Severity = 'note' | 'warning' | 'error';

/** Something that is wrong or noteworthy and that a person should mend: never fatal for what does not depend on it. */
export interface Finding {
  /** A stable name of what it is; src/model/finding-codes.ts has all of them. */
  readonly code: string;
  readonly severity: Severity;
  /** Where it was read: `FILE:LINE`, or empty for what comes from no file. */
  readonly origin: string;
  readonly object: ObjectRef | null;
  /** Path of the field, `spec.ports[0].port`; empty when the whole object is meant. */
  readonly field: string;
  /** What is wrong, and what to do unless the row of the code says it. */
  readonly message: string;
}

/** Why an object, or a part of it, gets no NAT although it can be read. */
export type Notice = Finding & { readonly code: NoticeCode; readonly object: ObjectRef };

/** A finding; a warning about the whole object unless `more` says otherwise. */
export function findingOf<Code extends string, Of extends ObjectRef | null>(
  code: Code,
  object: Of,
  message: string,
  more: Partial<Pick<Finding, 'severity' | 'origin' | 'field'>> = {},
): Finding & { readonly code: Code; readonly object: Of } {
  return { code, severity: 'warning', origin: '', object, field: '', message, ...more };
}

/** One line: `FILE:LINE: Service shop/web: spec.ports[0].port: …`. */
export function formatFinding({ origin, object, field, message, code }: Finding): string {
  const of = object === null ? '' : formatRef(object);
  return [origin, of, field, `${message} (${code})`].filter((part) => part !== '').join(': ');
}
