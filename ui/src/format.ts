/** `12`, `3.4 k`, `1.2 M`. */
export function count(value: number): string {
  if (Math.abs(value) < 1_000) return String(Math.round(value * 10) / 10);
  if (Math.abs(value) < 1_000_000) return `${(value / 1_000).toFixed(1)} k`;
  return `${(value / 1_000_000).toFixed(1)} M`;
}

/** @param time RFC 3339 */
export function timeOfDay(time: string): string {
  return new Date(time).toLocaleTimeString();
}
