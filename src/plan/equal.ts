/** Deep equality of frozen plain data: objects, arrays, strings, numbers, bigints, booleans, null. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  if (left.length !== Object.keys(b).length) return false;
  return left.every(([key, value]) => deepEqual(value, (b as Record<string, unknown>)[key]));
}
