import { describe, expect, test } from 'vitest';
import { cidr, ip } from '../../test/generators/build.ts';
import {
  formatPrefix,
  hostPrefix,
  maskedPrefix,
  parseLoosePrefix,
  parsePrefix,
  prefixContains,
  prefixRange,
  prefixSet,
} from './prefix.ts';

describe('parsing', () => {
  test.each(['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', 'fd00::/8', '2001:db8::1/128'])(
    'reads %s',
    (text) => {
      expect(formatPrefix(cidr(text))).toBe(text);
    },
  );

  test('brings the address into canonical form', () => {
    expect(formatPrefix(cidr('2001:0DB8:0::/32'))).toBe('2001:db8::/32');
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/+8',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
    '10.0.0.0/0x8',
    '::/129',
    '::ffff:10.0.0.0/129',
    '/8',
    '10.0.0.0/255.0.0.0',
    '',
  ])('%j is no prefix', (text) => {
    expect(parsePrefix(text)).toBe('syntax');
    expect(parseLoosePrefix(text)).toBeNull();
  });

  // As Go's netutils.ParseCIDRSloppy.
  test.each([
    ['10.0.0.0/08', '10.0.0.0/8'],
    ['010.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.0/0000000008', '10.0.0.0/8'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:c000:0200/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.1/128', '192.0.2.1/32'],
    ['::ffff:0.0.0.0/96', '0.0.0.0/0'],
    ['::fffe:0:0/95', '::fffe:0:0/95'],
    ['02001:0db8::/032', '2001:db8::/32'],
  ])('%s is %s', (text, meant) => {
    expect(formatPrefix(cidr(text))).toBe(meant);
  });

  test('an IPv4-mapped address with fewer than 96 bits names IPv6 addresses', () => {
    const loose = parseLoosePrefix('::ffff:192.0.2.0/90');
    expect(loose === null ? null : formatPrefix(loose)).toBe('::ffc0:0:0/90');
    expect(parsePrefix('::ffff:192.0.2.0/90')).toBe('host-bits');
  });

  test.each([
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['::ffff:192.0.2.9/120', '192.0.2.0/24'],
    ['192.0.2.255/31', '192.0.2.254/31'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['ffff::/1', '8000::/1'],
  ])('%s has host bits; without them it is %s', (text, masked) => {
    expect(parsePrefix(text)).toBe('host-bits');
    const loose = parseLoosePrefix(text);
    expect(loose === null ? null : formatPrefix(loose)).toBe(masked);
  });
});

describe('addresses of a prefix', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::', false],
    ['::/0', '10.0.0.1', false],
    ['192.0.2.7/32', '192.0.2.7', true],
    ['192.0.2.7/32', '192.0.2.6', false],
    ['fd00:244::/48', 'fd00:244:0:ffff::1', true],
    ['fd00:244::/48', 'fd00:244:1::', false],
  ])('%s holds %s: %s', (prefix, address, expected) => {
    expect(prefixContains(cidr(prefix), ip(address))).toBe(expected);
  });

  test('the range includes both ends', () => {
    expect(prefixRange(cidr('10.0.0.0/30'))).toEqual({ first: 0x0a000000n, last: 0x0a000003n });
    expect(prefixRange(cidr('::/0'))).toEqual({ first: 0n, last: (1n << 128n) - 1n });
    expect(prefixRange(hostPrefix(ip('::1')))).toEqual({ first: 1n, last: 1n });
    expect(formatPrefix(hostPrefix(ip('10.1.2.3')))).toBe('10.1.2.3/32');
    expect(formatPrefix(maskedPrefix(ip('10.1.2.3'), 16))).toBe('10.1.0.0/16');
  });

  test('a set takes the prefixes of its family only', () => {
    const set = prefixSet('IPv4', [cidr('10.0.1.0/24'), cidr('::/0'), cidr('10.0.0.0/24')]);
    expect(set).toEqual({ family: 'IPv4', ranges: [{ first: 0x0a000000n, last: 0x0a0001ffn }] });
  });
});
