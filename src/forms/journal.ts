import { z } from '@hono/zod-openapi';
import { count, form, list, text, textOrNull, texts, time } from './form.ts';
import { toldObject } from './what-if.ts';

/** What was in force: the journal of the agent (docs/history.md). */

const field = form({
  field: text,
  before: textOrNull.openapi({ description: 'null: none, or a list (see `removed`)' }),
  after: textOrNull.openapi({ description: 'null: none, or a list (see `added`)' }),
  added: texts,
  removed: texts,
});
export type FieldChange = z.output<typeof field>;

const writer = form({
  manager: text.openapi({ description: 'the newest of `metadata.managedFields`' }),
  at: time.nullable(),
}).nullable();

const objectChange = form({
  object: text.openapi({ description: '`Service shop/web`; `node` for facts of the node; `settings`' }),
  what: z.enum(['appeared', 'changed', 'gone']),
  by: writer.openapi({ description: 'null: not known, as for a deletion' }),
  fields: list(field),
});
export type ObjectChange = z.output<typeof objectChange>;

const effect = form({
  key: text.openapi({ description: 'what is translated: `10.96.0.10:80/TCP`' }),
  what: z.enum(['appeared', 'changed', 'gone']),
  owner: textOrNull,
  fields: list(field),
});
export type Effect = z.output<typeof effect>;

const packets = form({
  objects: list(toldObject).openapi({ description: 'as in the answer of what-if for readers' }),
  more: count.openapi({ description: 'further objects whose packets changed' }),
  notes: texts.openapi({ description: 'what these lines do not say' }),
});
export type ChangedPackets = z.output<typeof packets>;

const entry = form({
  position: text.openapi({ description: 'for `at` of explain: `12.345` is exact, whatever the clock did' }),
  at: time,
  event: form({ kind: text, severity: text, message: text })
    .nullable()
    .openapi({ description: 'null: objects changed' }),
  changes: list(objectChange),
  moreChanges: count.openapi({ description: 'further objects, which are only counted' }),
  effects: list(effect),
  moreEffects: count,
  packets: packets.optional().openapi({
    description: 'which packets had another fate since; absent: not asked for, or not known',
  }),
});
export type HistoryEntry = z.output<typeof entry>;

/** `knat history -o json` and `/journal`. */
export const journal = form({
  node: text,
  begins: time.openapi({ description: 'the oldest state in the journal' }),
  items: list(entry).openapi({ description: 'the oldest first; the newest that fit' }),
  isComplete: z.boolean().openapi({ description: 'false: older entries are left out because of the limit' }),
}).openapi('Journal');
export type JournalAnswer = z.output<typeof journal>;
