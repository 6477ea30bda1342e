import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatLabName, labNameOf } from './namespace-name.ts';

test('the name of a namespace has its owner', () => {
  const lab = { prefix: 'knat-demo', owner: { pid: 32768, startTicks: 110_000 }, serial: 1 } as const;
  expect(formatLabName(lab)).toBe('knat-demo-pa8-2cvk-1');
  expect(labNameOf('knat-demo-pa8-2cvk-1-node1')).toEqual(lab);
  expect(labNameOf('knat-demo-pa8-2cvk-1-node-with-dashes')).toEqual(lab);
});

test('any owner can be read back', () => {
  const number = fc.integer({ min: 1, max: 2 ** 40 });
  fc.assert(
    fc.property(number, number, fc.nat(1000), (pid, startTicks, serial) => {
      const lab = { prefix: 'knat-test', owner: { pid, startTicks }, serial } as const;
      expect(labNameOf(`${formatLabName(lab)}-node1`)).toEqual(lab);
    }),
  );
});

test('other namespaces have no owner', () => {
  for (const name of [
    '',
    'cni-1234',
    'knat',
    'knat-demo',
    'knat-demo-pa8-2cvk-1',
    'xknat-demo-pa8-2cvk-1-node1',
  ]) {
    expect(labNameOf(name)).toBeNull();
  }
});
