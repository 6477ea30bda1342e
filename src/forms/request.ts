/** Within a version an answer never changes its meaning. */
export const API_PATH = '/api/v1';

/** Omits undefined and empty values: `/explain?to=…`. */
export function pathOf(
  path: string,
  question: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
