import { expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import { isLoopback, specialAddress } from './special-address.ts';

test.each([
  ['0.0.0.0', 'the unspecified address'],
  ['::', 'the unspecified address'],
  ['127.0.0.1', 'a loopback address'],
  ['127.255.0.1', 'a loopback address'],
  ['::1', 'a loopback address'],
  ['169.254.169.254', 'a link-local address'],
  ['fe80::1', 'a link-local address'],
  ['febf::1', 'a link-local address'],
  ['224.0.0.1', 'a multicast address'],
  ['239.255.255.255', 'a multicast address'],
  ['ff02::1', 'a multicast address'],
  ['ff0e::1', 'a multicast address'],
  ['255.255.255.255', 'the broadcast address'],
  ['0.0.0.1', null],
  ['10.0.0.1', null],
  ['126.255.255.255', null],
  ['128.0.0.1', null],
  ['169.253.255.255', null],
  ['203.0.113.7', null],
  ['::2', null],
  ['fec0::1', null],
  ['fd00::1', null],
  ['2001:db8::1', null],
])('%s: %s', (text, name) => {
  const address = parseAddress(text);
  if (address === null) throw new Error(text);
  expect(specialAddress(address)).toBe(name);
});

test.each([
  ['127.0.0.1', true],
  ['127.255.255.255', true],
  ['128.0.0.1', false],
  ['126.255.255.255', false],
  ['::1', true],
  ['::', false],
  ['::7f00:1', false],
])('loopback is 127.0.0.0/8 and ::1: %s %s', (text, expected) => {
  const address = parseAddress(text);
  if (address === null) throw new Error(text);
  expect(isLoopback(address)).toBe(expected);
});
