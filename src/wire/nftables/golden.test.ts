import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hex } from '../bytes.ts';
import { messagesOf, NFGENMSG } from '../messages.ts';
import { Batch } from './batch.ts';
import { elementListAttributes, readElementList, type SetElement } from './element.ts';
import { nftFamilyOf } from './numbers.ts';

/**
 * What nft 1.0.6 sends for elements of each kind, captured by test/golden/capture-nft.mjs: our reader must understand
 * it, and our writer must write the same attributes.
 */
interface Golden {
  readonly cases: readonly { readonly name: string; readonly payloads: readonly string[] }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/nft-elements.golden.json', import.meta.url), 'utf8'),
);

describe.each(golden.cases)('$name', ({ payloads }) => {
  test.each(payloads)('message %#', (payload) => {
    const theirs = new Uint8Array(Buffer.from(payload, 'hex'));
    const family = nftFamilyOf(theirs[0] ?? 0) ?? 'ip';
    const { table = '', set = '' } = decode(theirs);
    const elements: SetElement[] = [];
    readElementList(theirs, NFGENMSG, theirs.length, elements);
    expect(elements.length).toBeGreaterThan(0);

    const batch = new Batch();
    batch.addElements(family, table, set, elements);
    const [, change] = [...messagesOf(batch.seal(1).bytes)];
    if (change === undefined) throw new Error('no change in the batch');
    const ours = change.bytes.slice(change.start, change.end);
    expect(dump(ours)).toEqual(dump(theirs));
  });
});

test('the capture holds every form of an element', () => {
  const all = golden.cases.flatMap(({ payloads }) => payloads.map((payload) => Buffer.from(payload, 'hex')));
  const seen = new Set(
    all.flatMap((payload) => decode(payload).elements ?? []).flatMap((one) => Object.keys(one)),
  );
  expect([...seen].sort()).toEqual(['data', 'flags', 'key', 'keyEnd', 'timeout', 'userdata']);
});

function decode(payload: Uint8Array) {
  return elementListAttributes.read(payload, NFGENMSG, payload.length, 'golden');
}

/** For people to read: bytes as digits, numbers as text. NFTA_SET_ELEM_LIST_SET_ID ties nft's own messages together. */
function dump(payload: Uint8Array): unknown {
  const { unknown: _setId, ...rest } = decode(payload);
  return JSON.parse(
    JSON.stringify(rest, (_key, value) =>
      value instanceof Uint8Array ? hex(value) : typeof value === 'bigint' ? `${value}` : value,
    ),
  );
}
