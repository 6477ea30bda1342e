import { expect, test } from 'vitest';
import { FAMILIES } from '../../net/family.ts';
import { GONE_TABLE, goneTable } from './gone-table.ts';
import { tableText } from './ruleset/text.ts';

test.each(FAMILIES)('the table of connections that were ended, of %s in nft text', async (family) => {
  const text = tableText(goneTable(family), GONE_TABLE);
  await expect(text).toMatchFileSnapshot(`../../../test/golden/skeleton/${family}-gone.nft`);
});
