import { expect, test } from 'vitest';
import { FAMILIES } from '../../net/family.ts';
import { SET_NAMES, setDeclarations } from './sets.ts';

test.each(FAMILIES)('every set of %s is declared by typeof, which every nft can read back', (family) => {
  const declarations = setDeclarations(family);
  expect(declarations).toHaveLength(SET_NAMES.length);
  expect(declarations.filter((text) => !/^ {2}(set|map) \w+ \{ typeof /.test(text))).toEqual([]);
});
