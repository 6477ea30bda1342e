export function firstFew(texts: readonly string[], most: number, separator: ', ' | '; ' = ', '): string {
  const rest = texts.length - most;
  const end = separator === ', ' ? ' and' : '; and';
  return texts.slice(0, most).join(separator) + (rest > 0 ? `${end} ${rest} more` : '');
}

/** By code units: the same order on every host and in every language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
