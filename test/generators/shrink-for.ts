/**
 * Bounds how long fast-check looks for a smaller counterexample: `milliseconds` after its first failure, the check
 * passes whatever it is given, so that the search ends with the smallest that was found.
 */
export function shrinkFor<T>(
  milliseconds: number,
  check: (value: T) => Promise<void>,
): (value: T) => Promise<void> {
  let until = Number.POSITIVE_INFINITY;
  return async (value) => {
    if (Date.now() > until) return;
    try {
      await check(value);
    } catch (error) {
      until = Math.min(until, Date.now() + milliseconds);
      throw error;
    }
  };
}
