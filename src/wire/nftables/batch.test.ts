import { describe, expect, test } from 'vitest';
import { be32, nest } from '../attributes.ts';
import {
  type Message,
  messagesOf,
  NFGENMSG,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  readNfgenmsg,
} from '../messages.ts';
import { Batch } from './batch.ts';
import { elementListAttributes, readElementList, type SetElement } from './element.ts';
import { nftMessageOf } from './numbers.ts';

const element = (i: number): SetElement => ({
  key: Uint8Array.of(10, i >> 16, i >> 8, i),
  data: Uint8Array.of(11, i >> 16, i >> 8, i),
});
const elements = (count: number) => Array.from({ length: count }, (_, i) => element(i));

function sealed(batch: Batch, first = 1, generation?: number): Message[] {
  return [...messagesOf(batch.seal(first, generation).bytes)];
}

const types = (messages: readonly Message[]) =>
  messages.map(({ type }) => (type >>> 8 === 10 ? nftMessageOf(type & 0xff) : type));

describe('a batch', () => {
  test('is empty until something is added', () => {
    const batch = new Batch();
    expect(batch.isEmpty).toBe(true);
    batch.addElements('ip', 'knat', 'm', []);
    expect(batch.isEmpty).toBe(true);
    batch.addElements('ip', 'knat', 'm', elements(2));
    expect(batch.isEmpty).toBe(false);
  });

  test('is framed by its begin and end and asks once for an acknowledgement', () => {
    const batch = new Batch();
    batch.addTable('ip6', 'knat', { dormant: true });
    batch.flushSet('ip', 'knat', 'm');
    batch.deleteElements('ip', 'knat', 'm', elements(1));
    batch.addElements('ip', 'knat', 'm', elements(1));
    batch.deleteTable('inet', 'old');
    const messages = sealed(batch, 100);
    expect(types(messages)).toEqual([
      0x10,
      'NFT_MSG_NEWTABLE',
      'NFT_MSG_DELSETELEM',
      'NFT_MSG_DELSETELEM',
      'NFT_MSG_NEWSETELEM',
      'NFT_MSG_DELTABLE',
      0x11,
    ]);
    expect(messages.map(({ sequence }) => sequence)).toEqual([100, 101, 102, 103, 104, 105, 106]);
    expect(messages.map(({ flags }) => (flags & NLM_F_ACK) !== 0)).toEqual([
      ...[false, false, false, false, false, true, false],
    ]);
    expect(messages.map((message) => readNfgenmsg(message).family)).toEqual([0, 10, 2, 2, 2, 1, 0]);
    expect((messages[4]?.flags ?? 0) & (NLM_F_CREATE | NLM_F_EXCL)).toBe(NLM_F_CREATE | NLM_F_EXCL);
  });

  test('may be sealed again and grow between', () => {
    const batch = new Batch();
    batch.addElements('ip', 'knat', 'm', elements(1));
    const once = batch.seal(1).bytes.slice();
    expect(batch.seal(1).bytes).toEqual(once);
    batch.deleteElements('ip', 'knat', 'm', elements(1));
    const messages = sealed(batch);
    expect(messages.map(({ flags }) => (flags & NLM_F_ACK) !== 0)).toEqual([false, false, true, false]);
  });

  test('names the generation that it was made for in its begin', () => {
    const batch = new Batch();
    batch.addElements('ip', 'knat', 'm', elements(1));
    const [begin] = sealed(batch, 1, 77);
    if (begin === undefined) throw new Error('no begin');
    const attributes = nest({ generation: [1, 'NFNL_BATCH_GENID', be32] });
    expect(attributes.read(begin.bytes, begin.start + NFGENMSG, begin.end, 'begin')).toEqual({
      generation: 77,
    });
    expect(sealed(batch)[0]?.end).toBe(20);
  });

  test('splits long lists so that no nest is longer than 64 KiB', () => {
    const batch = new Batch();
    const many = elements(4000);
    batch.addElements('ip', 'knat', 'm', many);
    const changes = sealed(batch).slice(1, -1);
    expect(changes.length).toBeGreaterThan(1);
    const found: SetElement[] = [];
    for (const { bytes, start, end } of changes) {
      expect(end - start).toBeLessThan(65_536);
      expect(elementListAttributes.read(bytes, start + NFGENMSG, end, 'list')).toMatchObject({
        table: 'knat',
        set: 'm',
      });
      readElementList(bytes, start + NFGENMSG, end, found);
    }
    expect(found).toEqual(many);
  });

  test('holds lists of the longest elements', () => {
    const longest: SetElement = {
      key: new Uint8Array(64).fill(1),
      keyEnd: new Uint8Array(64).fill(2),
      verdict: { code: 'goto', chain: 'c'.repeat(255) },
      timeoutMs: 1,
      comment: 'x'.repeat(253),
    };
    const batch = new Batch();
    batch.addElements(
      'ip',
      'knat',
      'm',
      Array.from({ length: 1000 }, () => longest),
    );
    expect(batch.seal(1).bytes.length).toBeGreaterThan(1000 * 255);
  });

  test('says which element is meant by an offset in a message', () => {
    const batch = new Batch();
    batch.flushSet('ip', 'knat', 'm');
    batch.addElements('ip', 'knat', 'm', elements(3));
    expect(batch.describe(1, null)).toBe('NFT_MSG_DELSETELEM ip knat m');
    expect(batch.describe(2, null)).toBe('NFT_MSG_NEWSETELEM ip knat m');
    const lists = 16 + 4 + 12 + 8 + 4; // headers, table, set, header of the list
    const each = 4 + 12 + 12;
    expect(batch.describe(2, lists)).toBe('NFT_MSG_NEWSETELEM ip knat m { 0a000000 }');
    expect(batch.describe(2, lists + each)).toBe('NFT_MSG_NEWSETELEM ip knat m { 0a000001 }');
    expect(batch.describe(2, lists + 2 * each + 8)).toBe('NFT_MSG_NEWSETELEM ip knat m { 0a000002 }');
    expect(batch.describe(0, null)).toBe('nf_tables transaction');
  });
});
