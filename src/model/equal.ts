/** Deep equality of frozen plain data: objects, arrays, strings, numbers, bigints, booleans, null; no `undefined`. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    // By index: a scope has thousands of ranges.
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
    return true;
  }
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
