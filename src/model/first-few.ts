/** The first texts, so many at most, and how many are left: `a, b and 3 more`. */
export function firstFew(texts: readonly string[], most: number, separator: ', ' | '; ' = ', '): string {
  const rest = texts.length - most;
  const end = separator === ', ' ? ' and' : '; and';
  return texts.slice(0, most).join(separator) + (rest > 0 ? `${end} ${rest} more` : '');
}
