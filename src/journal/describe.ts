import { labelled } from '../explain/lines.ts';
import type {
  ChangedPackets,
  Effect,
  FieldChange,
  HistoryEntry,
  JournalAnswer,
  ObjectChange,
} from '../forms/journal.ts';
import type { Line, Span } from '../forms/walk.ts';
import { titleOf, toldLines } from '../what-if/lines.ts';

/** The entries as lines for a terminal, the oldest first. */
export function describeHistory({ items, begins, isComplete }: JournalAnswer): Line[] {
  const lines = items.flatMap(entryLines);
  if (items.length === 0)
    return [[{ text: `nothing is recorded about this since ${begins}`, tone: 'plain' }]];
  const notes = new Set(items.flatMap(({ packets }) => packets?.notes ?? []));
  if (notes.size > 0) lines.push([], [{ text: 'Not in the lines about packets', tone: 'strong' }]);
  for (const note of notes) lines.push(...labelled('  - ', 4, note, 'dim'));
  if (!isComplete) lines.unshift([{ text: 'older entries are left out (--limit, --since)', tone: 'dim' }]);
  return lines;
}

function entryLines({
  at,
  position,
  event,
  changes,
  moreChanges,
  effects,
  moreEffects,
  packets,
}: HistoryEntry): Line[] {
  const lines: Line[] = [
    [
      { text: at, tone: 'strong' },
      { text: `  ${position}`, tone: 'dim' },
    ],
  ];
  if (event !== null) lines.push(indented(2, { text: event.message, tone: toneOf(event.severity) }));
  for (const change of changes) lines.push(...changeLines(change));
  if (moreChanges > 0) lines.push(more(moreChanges, 'object'));
  for (const effect of effects) lines.push(...effectLines(effect));
  if (moreEffects > 0) lines.push(more(moreEffects, 'effect'));
  if (packets !== undefined) lines.push(...packetLines(packets));
  return lines;
}

function packetLines({ objects, more: others, notes }: ChangedPackets): Line[] {
  const tell = (line: Line) => indented(4, ...line);
  const lines = objects.flatMap((object) => [
    tell([{ text: `packets of ${titleOf(object)}`, tone: 'strong' }]),
    ...object.lines.flatMap(toldLines).map(tell),
    ...(object.more > 0 ? [tell(more(object.more, 'line'))] : []),
  ]);
  if (lines.length === 0 && notes.length === 0)
    lines.push(tell([{ text: 'every packet has the same fate as before', tone: 'good' }]));
  if (others > 0) lines.push(tell(more(others, 'object')));
  return lines;
}

function changeLines({ object, what, by, fields }: ObjectChange): Line[] {
  const who = by === null ? '' : ` by ${by.manager}${by.at === null ? '' : ` at ${by.at}`}`;
  return [
    indented(2, { text: object, tone: 'plain' }, { text: ` ${what}${who}`, tone: 'dim' }),
    ...fields.map((field) => indented(6, ...fieldSpans(field))),
  ];
}

function effectLines({ key, what, owner, fields }: Effect): Line[] {
  const of = owner === null ? '' : ` (${owner})`;
  const tone = what === 'gone' ? 'bad' : what === 'appeared' ? 'good' : 'plain';
  return [
    indented(4, { text: `→ ${key}`, tone }, { text: ` ${what}${of}`, tone: 'dim' }),
    ...fields.map((field) => indented(6, ...fieldSpans(field))),
  ];
}

function fieldSpans({ field, before, after, added, removed }: FieldChange): Span[] {
  const name: Span = { text: `${field}: `, tone: 'dim' };
  if (before !== null || after !== null) {
    return [
      name,
      { text: before === null ? (after ?? '') : `${before} → ${after ?? 'none'}`, tone: 'plain' },
    ];
  }
  const parts = [
    ...removed.map((text): Span => ({ text: `- ${text}`, tone: 'bad' })),
    ...added.map((text): Span => ({ text: `+ ${text}`, tone: 'good' })),
  ];
  return [
    name,
    ...parts.flatMap((part, index) =>
      index === 0 ? [part] : [{ text: '  ', tone: 'plain' } as const, part],
    ),
  ];
}

function more(count: number, what: string): Line {
  return indented(2, { text: `and ${count} more ${what}${count === 1 ? '' : 's'}`, tone: 'dim' });
}

function indented(width: number, ...spans: Span[]): Line {
  return [{ text: ' '.repeat(width), tone: 'plain' }, ...spans];
}

function toneOf(severity: string): Span['tone'] {
  return severity === 'error' || severity === 'warning' ? 'bad' : 'plain';
}
