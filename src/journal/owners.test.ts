import { expect, test } from 'vitest';
import { ip, natEntry, nodeFacts, pod, service } from '../../test/generators/build.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { ownersOf } from './owners.ts';

const planner = new Planner(nodeFacts(), defaultPlanOptions);
planner.apply([
  { kind: 'Pod', key: 'mail/smtp', fact: pod([natEntry()]) },
  { kind: 'Service', key: 'shop/web', fact: service({ externalIPs: [ip('203.0.113.7')] }) },
]);
const plan = planner.update();
const owners = (address: string, port: number, protocol: 'TCP' | 'UDP' | null = null) =>
  ownersOf(plan, { address: ip(address), port, protocol }).map(({ name, certain }) => `${name} ${certain}`);

test('a bound port has its pod, a frontend its Service; other ports of the address only perhaps the pod', () => {
  expect(owners('203.0.113.7', 25)).toEqual(['Pod mail/smtp true']);
  expect(owners('203.0.113.7', 80)).toEqual(['Service shop/web true', 'Pod mail/smtp false']);
  expect(owners('203.0.113.7', 40_001)).toEqual(['Pod mail/smtp false']);
  expect(owners('203.0.113.7', 25, 'UDP')).toEqual([]);
  expect(owners('192.0.2.99', 25)).toEqual([]);
});
