import { expect, test } from 'vitest';
import { ip } from '../../../test/generators/build.ts';
import { familyOf } from '../../net/address.ts';
import { ByteWriter, hex } from '../bytes.ts';
import { type EntryName, writeDeletion } from './deletion.ts';
import { conntrackAttributes, tupleAttributesOf } from './entry.ts';

function entry(src: string, dst: string, zone: number): EntryName {
  const original = { src: ip(src), dst: ip(dst), sport: 40_000, dport: 80 };
  return { family: familyOf(ip(src)), protocol: 6, original, id: 0xdead_beef, zone };
}

test.each([
  entry('10.244.1.9', '10.96.0.10', 0),
  entry('fd00:244:1::9', 'fd00:96::10', 0),
  entry('10.244.1.9', '10.96.0.10', 7),
])('as the table of attributes writes it: %j', (one) => {
  const { family, protocol, original, id, zone } = one;
  const expected = new ByteWriter();
  conntrackAttributes.write(expected, {
    original: tupleAttributesOf(family, protocol, original),
    id,
    ...(zone === 0 ? {} : { zone }),
  });
  const written = new ByteWriter();
  writeDeletion(written, one);
  expect(hex(written.written)).toBe(hex(expected.written));
});
