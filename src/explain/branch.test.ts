import { expect, test } from 'vitest';
import { ip, natEntry, nodeFacts, pod, pool, portOf, present } from '../../test/generators/build.ts';
import { bearing } from '../agent/node-facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { branchOf } from './branch.ts';
import { describeWalk } from './describe.ts';
import { walkJson } from './json.ts';
import { plainText } from './lines.ts';
import { walk } from './walk.ts';

const further = [ip('203.0.113.77'), ip('203.0.113.78')];
const node = { ...nodeFacts(), isPartlyKnown: true } as const;
const mail = pod([natEntry({ interfaceAuto: false, sourceIP: further[0] ?? null, sourcePort: portOf(25) })]);

function cases(source: string, destination: string, port: number) {
  const packet = {
    source: ip(source),
    destination: ip(destination),
    protocol: 'TCP',
    port: portOf(port),
  } as const;
  const [without, bears] = [node, bearing(node, further)].map((facts) => {
    const planner = new Planner(facts, defaultPlanOptions);
    planner.apply([
      present('Pod', mail),
      present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
    ]);
    return walk(planner.update(), facts, packet);
  });
  if (without === undefined || bears === undefined) throw new Error('two cases');
  return { without, branch: branchOf(without, bears, further) };
}

test('to an address that a Pod names: both cases, with the address that matters', () => {
  const { without, branch } = cases('198.51.100.9', '203.0.113.77', 25);
  if (branch === null) throw new Error('no branch');
  expect(branch.bears).toEqual(['203.0.113.77']);
  expect(walkJson({ ...without, branch }).branches).toMatchObject([
    { condition: 'node node-a bears 203.0.113.77', verdict: 'dnat', masq: false, snat: null },
  ]);
  expect(branch.walk.unknown).toContain('host-sockets');
  const text = describeWalk({ ...without, branch }).map(plainText);
  expect(text.join('\n')).toContain(
    'If           node node-a bears 203.0.113.77, which no object says, this holds',
  );
  for (const line of text) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('from the Pod: the new source is the address', () => {
  const { branch } = cases(String(mail.ips[0]), '198.51.100.9', 443);
  expect(branch?.bears).toEqual(['203.0.113.77']);
  expect(branch?.walk.paths[0]?.snat).toBe('203.0.113.77');
});

test('no branch where both cases are alike', () => {
  expect(cases('198.51.100.9', '203.0.113.99', 25).branch).toBeNull();
  expect(cases('10.244.9.9', '198.51.100.9', 443).branch).toBeNull();
});
