/** At most `most` texts, and the number of the others: `a, b and 3 more`. */
export function firstFew(texts: readonly string[], most: number, separator: ', ' | '; ' = ', '): string {
  const rest = texts.length - most;
  const end = separator === ', ' ? ' and' : '; and';
  return texts.slice(0, most).join(separator) + (rest > 0 ? `${end} ${rest} more` : '');
}

/** Orders texts by their code units: the same on every host, whatever its language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
