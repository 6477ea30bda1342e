import { sharedTurn } from '../../base/shared-turn.ts';
import type { Entry, Refusal } from '../../forms/entries.ts';
import { printable, printableJson } from '../../model/printable.ts';
import { canonicalEntry } from '../../plan/canonical.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { ENTRY_HEADINGS, entryRow } from './entry-row.ts';

/** Entries rendered without a pause; NAT continues in the pauses. */
const SLICE = 500;

/** Widths of the columns but the last: `[IPv6 address]:port/SCTP` fits. */
const WIDTHS = [10, 54, 48];

/** JSON array or table, in order of the keys; refused claims come last. Entries removed meanwhile are left out. */
export async function* listEntries(
  plan: NatPlan,
  fits: (entry: PlanEntry) => boolean,
  refused: readonly Refusal[],
  form: 'json' | 'text',
): AsyncGenerator<string> {
  const keys: string[] = [];
  for (const entry of plan.entries()) if (fits(entry)) keys.push(entry.key);
  keys.sort();
  if (form === 'text') yield row(ENTRY_HEADINGS);
  let separator = '[';
  const written = (entry: Entry | Refusal): string => {
    if (form === 'text') return row(entryRow(entry));
    const before = separator;
    separator = ',';
    return `${before}\n${printableJson(JSON.stringify(entry))}`;
  };
  for (let begin = 0; begin < keys.length; begin += SLICE) {
    let piece = '';
    for (const key of keys.slice(begin, begin + SLICE)) {
      const entry = plan.entry(key);
      if (entry === undefined) continue;
      piece += written(canonicalEntry(entry));
    }
    yield piece;
    await sharedTurn();
  }
  if (refused.length > 0) yield refused.map(written).join('');
  if (form === 'json') yield separator === '[' ? '[]\n' : '\n]\n';
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, column) => printable(cell).padEnd(WIDTHS[column] ?? 0));
  return `${padded.join('  ').trimEnd()}\n`;
}
