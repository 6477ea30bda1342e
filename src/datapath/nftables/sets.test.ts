import { expect, test } from 'vitest';
import { FAMILIES } from '../../net/family.ts';
import { setText } from './ruleset/text.ts';
import { allSets, SET_NAMES } from './sets.ts';

test.each(FAMILIES)('every set of %s is declared by typeof, which every nft can read back', (family) => {
  const names = allSets(family).map(({ name }) => name);
  expect(names.slice(0, SET_NAMES.length)).toEqual(SET_NAMES);
  const texts = allSets(family).map(setText);
  expect(texts.filter((text) => !/^(set|map) \w+ \{ typeof /.test(text))).toEqual([]);
});
