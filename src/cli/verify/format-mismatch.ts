import type { Mismatch } from '../../explain/expectation.ts';

export function formatMismatch({ field, expected, actual }: Mismatch): string {
  return `${field}: expected ${expected}, is ${actual}`;
}
