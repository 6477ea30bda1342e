import { expect, test } from 'vitest';
import { listRuleset, nft } from '../netns/namespace.ts';
import { knat } from './knat.ts';
import { nodeFixture } from './node-fixture.ts';

const node = nodeFixture();

test('without an agent: nothing programmed, then equal, then foreign changes by object', async () => {
  const before = await knat(['diff', ...node.source]);
  expect(before.status, before.errors).toBe(1);
  expect(before.output).toContain('tables, chains and rules do not exist');
  expect(before.output).toMatch(/Service shop\/web: \d+ missing, 0 surplus/);
  expect(listRuleset()).toBe('');

  await knat(['agent', ...node.source, '--once']);
  const equal = await knat(['diff', ...node.source]);
  expect(equal.output).toContain('nothing differs');
  expect(equal.status, equal.errors).toBe(0);

  nft('delete element ip knat cluster_ips { 10.96.0.10 }');
  nft('add element ip knat cluster_ips { 10.96.0.77 }');
  nft('add element ip knat pods { 10.99.0.0/16 }');
  const changed = listRuleset();
  const { status, output } = await knat(['diff', ...node.source]);
  expect(status).toBe(1);
  expect(output.split('\n')).toEqual([
    'tables, chains and rules are as they should be',
    'elements: 1 missing, 2 surplus',
    '',
    'Service shop/web: 1 missing, 0 surplus',
    '  missing  ip knat cluster_ips { 10.96.0.10 }',
    '',
    'not tied to one object (networks, pools, constants): 0 missing, 1 surplus',
    '  surplus  ip knat pods { 10.99.0.0-10.99.255.255 }',
    '',
    'leftover (no entry of the plan has them): 0 missing, 1 surplus',
    '  surplus  ip knat cluster_ips { 10.96.0.77 }',
    '',
  ]);
  expect(listRuleset()).toBe(changed);

  const json = JSON.parse((await knat(['diff', ...node.source, '-o', 'json', '--limit', '1'])).output);
  expect(json).toMatchObject({ equal: false, skeleton: 'intact', rulesCompared: true, surplus: 2 });
  expect(json.elements).toEqual([
    {
      what: 'missing',
      object: 'Service shop/web',
      key: 'cluster-ip 10.96.0.10',
      element: 'ip knat cluster_ips { 10.96.0.10 }',
    },
  ]);
});

test('the running agent also compares each rule with its plan', async () => {
  expect(await knat(['diff'])).toMatchObject({ status: 4, output: '' });
  await node.startAgent();
  const equal = await knat(['diff']);
  expect(equal.output).toBe('tables, chains and rules are as they should be\nnothing differs\n');
  expect(equal.status).toBe(0);
});

test('a wrong limit is reported', async () => {
  const { status, errors } = await knat(['diff', '--limit', 'many']);
  expect(status).toBe(2);
  expect(errors).toContain('--limit: "many" is no whole number');
});
