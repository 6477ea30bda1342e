import { expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import { specialAddress } from './special-address.ts';

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
