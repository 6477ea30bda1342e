import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ip as address } from '../../test/generators/build.ts';
import {
  addressBytes,
  addressFromBytes,
  addressFromNumber,
  addressNumber,
  compareAddresses,
  familyOf,
  formatEndpoint,
  parseAddress,
  parseIpv4,
  parseIpv6,
  placeOf,
} from './address.ts';

describe('IPv4', () => {
  test.each(['0.0.0.0', '10.0.0.1', '192.168.100.200', '255.255.255.255'])('reads %s', (text) => {
    expect(parseIpv4(text)).toBe(text);
    expect(parseAddress(text)).toBe(text);
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.1.1.1',
    '1.2.3.1000',
    '1.2.3.-4',
    '+1.2.3.4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.4/32',
    '1.2.3.٤',
  ])('refuses %j', (text) => {
    expect(parseIpv4(text)).toBeNull();
    expect(parseAddress(text)).toBeNull();
  });
});

// As Go's netutils.ParseIPSloppy, by which Kubernetes reads what old API servers have admitted.
test.each([
  ['010.001.000.09', '10.1.0.9'],
  ['00000000192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.000.002.001', '192.0.2.1'],
  ['::ffff:0.0.0.0', '0.0.0.0'],
  ['02001:0db8::00001', '2001:db8::1'],
  ['::ffff:0:192.0.2.1', '::ffff:0:c000:201'],
  ['::192.0.2.1', '::c000:201'],
])('%s is %s', (text, meant) => {
  expect(parseAddress(text)).toBe(meant);
});

describe('IPv6', () => {
  // RFC 5952: section 4.1 (leading zeros), 4.2.1 (as short as possible), 4.2.2 (no :: for one group), 4.2.3 (the
  // longest run, of equal ones the first), 4.3 (lower case), 5 (embedded IPv4).
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['1::', '1::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:1:0', '::1:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ])('brings %s into the form %s', (text, canonical) => {
    expect(parseIpv6(text)).toBe(canonical);
    expect(parseIpv6(canonical)).toBe(canonical);
  });

  test.each([
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1::2::3',
    '12345::',
    '0123456::',
    'g::',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '::1%eth0',
    '::1/128',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    ' ::1',
  ])('refuses %j', (text) => {
    expect(parseIpv6(text)).toBeNull();
  });
});

describe('numbers and bytes', () => {
  const anyAddress = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Mostly zeros, so that runs of every place and length come up.
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
      .map((a) => Uint8Array.from(a)),
  );

  test('text, bytes and number say the same', () => {
    fc.assert(
      fc.property(anyAddress, (bytes) => {
        const text = addressFromBytes(bytes);
        expect(parseAddress(text)).toBe(text);
        expect(addressBytes(text)).toEqual(bytes);
        expect(addressFromNumber(familyOf(text), addressNumber(text))).toBe(text);
      }),
    );
  });

  test('the order is by family, then by number', () => {
    const shuffled = ['::1', '10.0.0.2', '9.255.0.0', '2001:db8::', '10.0.0.10', '::'].map(address);
    expect(shuffled.sort(compareAddresses)).toEqual([
      '9.255.0.0',
      '10.0.0.2',
      '10.0.0.10',
      '::',
      '::1',
      '2001:db8::',
    ]);
    expect(compareAddresses(address('::1'), address('::1'))).toBe(0);
  });

  test.each(['IPv4', 'IPv6'] as const)('the places of addresses have the same order (%s)', (family) => {
    const most = family === 'IPv4' ? 0xffff_ffffn : 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffffn;
    const number = fc.bigInt({ min: 0n, max: most });
    fc.assert(
      fc.property(number, fc.oneof(number, fc.bigInt({ min: 0n, max: 300n })), (first, difference) => {
        const [a, b] = [first, first ^ difference].map((each) => addressFromNumber(family, each));
        if (a === undefined || b === undefined) throw new TypeError();
        const order = placeOf(a) < placeOf(b) ? -1 : placeOf(a) > placeOf(b) ? 1 : 0;
        expect(order).toBe(Math.sign(compareAddresses(a, b)));
      }),
    );
  });

  test('bytes of another length throw', () => {
    expect(() => addressFromBytes(new Uint8Array(5))).toThrow(RangeError);
    expect(() => addressFromNumber('IPv4', 1n << 32n)).toThrow(RangeError);
    expect(addressFromNumber('IPv4', 0xffffffffn)).toBe('255.255.255.255');
  });
});

test('an endpoint puts IPv6 in brackets', () => {
  expect(formatEndpoint(address('10.0.0.1'), 80)).toBe('10.0.0.1:80');
  expect(formatEndpoint(address('fd00::1'), 80)).toBe('[fd00::1]:80');
});
