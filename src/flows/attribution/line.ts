/** One JSON line for each event; keys are short to save space. A crash may leave an unreadable line: it is skipped. */

export interface FlowLine {
  /** RFC 3339, by the agent's clock. */
  readonly t: string;
  /** `seen`: the flow already exists when the log begins or after a gap. */
  readonly e: 'new' | 'end' | 'seen';
  /** `TCP`, `UDP`, … */
  readonly p: string;
  /** Translated source: `address:port`. */
  readonly a: string;
  /** Destination: `address:port`. */
  readonly d: string;
  /** Original source: `address:port`. */
  readonly s: string;
  /** The pod or node that had the source's address: `Pod shop/web-0`; null when unknown. */
  readonly n: string | null;
}

/**
 * `gap`: events before this line are missing, for the reason `why`.
 * `alive`: nothing is missing up to now.
 * `whole`: after a gap or rotation, every present flow has been written; a flow without a line has ended.
 */
export type MarkLine =
  | { readonly t: string; readonly e: 'gap'; readonly why: string }
  | { readonly t: string; readonly e: 'alive' | 'whole' };

export type LogLine = FlowLine | MarkLine;

export function formatLine(line: LogLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** Null for a malformed line. */
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
