import { expect, test } from 'vitest';
import { refusals } from './refusals.ts';

const pod = { kind: 'Pod', namespace: 'mail', name: 'smtp' } as const;
const service = { kind: 'Service', namespace: 'shop', name: 'web' } as const;

test('notices and lost claims, under the reasons of their Events, with the owner', () => {
  const found = refusals({
    notices: [{ reason: 'NatAddressNotLocal', object: pod, message: 'entry 0: srcIP 192.0.2.1 is not ours' }],
    conflicts: [
      {
        code: 'NatConflict',
        key: '203.0.113.7:25/TCP',
        winner: service,
        losers: [pod],
        because: 'a Service comes first',
      },
    ],
  });
  expect(found).toEqual([
    {
      kind: 'Refused',
      key: 'Pod mail/smtp',
      owner: 'Pod mail/smtp',
      reason: 'NatInvalid',
      message: 'entry 0: srcIP 192.0.2.1 is not ours',
    },
    {
      kind: 'Refused',
      key: '203.0.113.7:25/TCP',
      owner: 'Pod mail/smtp',
      reason: 'NatConflict',
      message: 'belongs to Service shop/web: a Service comes first',
    },
  ]);
});
