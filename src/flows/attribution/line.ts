/**
 * The attribution log is text, a line of JSON for each thing that happened, so that it can be read without knat. Keys
 * are short because a busy node writes thousands a second. A line that cannot be read is skipped: a crash may leave one.
 */

/** A translated flow. */
export interface FlowLine {
  /** When: RFC 3339, of the agent's clock. */
  readonly t: string;
  /** It began; it ended; or it is there already, when the log begins or after a gap. */
  readonly e: 'new' | 'end' | 'seen';
  /** `TCP`, `UDP`, … */
  readonly p: string;
  /** What its source became: `address:port`. */
  readonly a: string;
  /** Where it goes: `address:port`. */
  readonly d: string;
  /** Its source: `address:port`. */
  readonly s: string;
  /** The pod or node that had the source's address then: `Pod shop/web-0`; null when not known. */
  readonly n: string | null;
}

/**
 * `gap`: events between the line before and this one are missing, and `why`.
 * `alive`: nothing happened up to now, and nothing is missing.
 * `whole`: after a gap or a rotation, every present flow has been written; a flow without a line has ended.
 */
export type MarkLine =
  | { readonly t: string; readonly e: 'gap'; readonly why: string }
  | { readonly t: string; readonly e: 'alive' | 'whole' };

export type LogLine = FlowLine | MarkLine;

export function formatLine(line: LogLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** Null for a line that is none. */
export function parseLine(text: string): LogLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { t, e, p, a, d, s, n, why } = value as Record<string, unknown>;
  if (typeof t !== 'string' || Number.isNaN(Date.parse(t))) return null;
  if (e === 'whole' || e === 'alive') return { t, e };
  if (e === 'gap') return { t, e, why: String(why) };
  if (e !== 'new' && e !== 'end' && e !== 'seen') return null;
  if (typeof p !== 'string' || typeof a !== 'string' || typeof d !== 'string' || typeof s !== 'string') {
    return null;
  }
  return { t, e, p, a, d, s, n: typeof n === 'string' ? n : null };
}
