import type { Asked } from './instant.ts';

const POSITION = /^#?(\d{1,10})\.(\d{1,10})$/;
const AGO = /^(\d{1,9})(s|m|h|d)$/;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * A time (`2026-01-31T15:04:05Z`), a duration before now (`2h`) or a position (`12.345`). Returns what is wrong for
 * anything else, and for a time that is not yet.
 *
 * @param now milliseconds since the epoch
 */
export function parseMoment(text: string, now: number): Asked | string {
  const position = POSITION.exec(text);
  if (position !== null) return { segment: Number(position[1]), commit: Number(position[2]) };
  const ago = AGO.exec(text);
  const at = ago === null ? Date.parse(text) : now - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0) * 1000;
  if (Number.isNaN(at))
    return `"${text}" is no time: write 2026-01-31T15:04:05Z, 2h (ago) or a position of knat history`;
  if (at > now) return `${text} is not yet: it is ${new Date(now).toISOString()}`;
  return { at };
}
