/** Deep equality of frozen plain data: objects, arrays, strings, numbers, bigints, booleans, null; no `undefined`. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  let surplus = 0;
  for (const key in left) {
    if (!deepEqual(left[key], right[key])) return false;
    surplus++;
  }
  for (const _ in right) surplus--;
  return surplus === 0;
}
