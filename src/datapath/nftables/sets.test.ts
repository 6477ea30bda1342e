import { expect, test } from 'vitest';
import { FAMILIES } from '../../net/family.ts';
import { fieldsOf } from './fields.ts';
import { setText } from './ruleset/text.ts';
import type { Columns } from './set-table.ts';
import { allSets, SET_NAMES } from './sets.ts';

test.each(FAMILIES)('every set of %s is declared by typeof, which every nft can read back', (family) => {
  const names = allSets(family).map(({ name }) => name);
  expect(names.slice(0, SET_NAMES.length)).toEqual(SET_NAMES);
  const texts = allSets(family).map(setText);
  expect(texts.filter((text) => !/^(set|map) \w+ \{ typeof /.test(text))).toEqual([]);
});

test('a row says which entries and objects its elements come from, and what stays while these cannot be read', () => {
  const row = {
    comment: '',
    key: fieldsOf('IPv4').frontend,
    entries: [],
    objects: [],
    unread: 'plan',
  } as const;
  const { unread: _, ...withoutUnread } = row;
  const { entries: __, ...withoutEntries } = row;
  // @ts-expect-error: the column cannot be left out
  const first: Columns = withoutUnread;
  // @ts-expect-error: nor this one
  const second: Columns = withoutEntries;
  expect([first, second]).toHaveLength(2);
});
