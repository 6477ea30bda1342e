import type { Finding } from '../forms/findings.ts';
import type { NoticeCode } from './finding-codes.ts';
import { formatRef, type ObjectRef } from './object.ts';

export type { Finding };

/** How much a finding matters: a `note` explains, with a `warning` packets may be lost, with an `error` they are. */
export type Severity = Finding['severity'];

/** Why an object that can be read gets no NAT, or only part of it. */
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
