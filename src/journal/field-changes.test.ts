import { expect, test } from 'vitest';
import { fieldChanges } from './field-changes.ts';

test('listening programs are written as people read them', () => {
  const listeners = [
    { protocol: 'TCP', port: 8484, address: '127.0.0.1', families: ['IPv4'] },
    { protocol: 'UDP', port: 53, address: null, families: ['IPv4', 'IPv6'] },
  ];
  expect(fieldChanges({ listeners: [] }, { listeners })).toMatchObject([
    { added: ['8484/TCP on 127.0.0.1', '53/UDP on all addresses (IPv4, IPv6)'] },
  ]);
});
