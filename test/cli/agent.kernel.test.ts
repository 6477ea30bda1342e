import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listRuleset } from '../netns/namespace.ts';
import { knat } from './knat.ts';
import { serviceManifest } from './manifests.ts';
import { nodeFixture } from './node-fixture.ts';

const node = nodeFixture();

test('--once programs and ends; the second time it writes nothing', async () => {
  const first = await knat(['agent', ...node.source, '--once']);
  expect(first.status, first.errors).toBe(0);
  expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
  const second = await knat(['agent', ...node.source, '--once']);
  expect(second.status).toBe(0);
  expect(second.errors).toContain('"skeleton":"kept","elementsAdded":0,"elementsDeleted":0');
});

test('--dry-run says what would change and changes nothing', async () => {
  const { status, output } = await knat(['agent', ...node.source, '--dry-run']);
  expect(status).toBe(0);
  expect(output).toContain('would be loaded');
  expect(output).toContain('add element ip knat cluster_ips { 10.96.0.10 }');
  expect(output).not.toContain('same_byte');
  expect(listRuleset()).toBe('');
  const json = JSON.parse((await knat(['agent', ...node.source, '--dry-run', '-o', 'json'])).output);
  expect(json).toMatchObject({ skeleton: 'loaded', problems: [], notices: [], conflicts: [] });
  expect(json.kubeProxy).toEqual({ found: [], unseen: [], action: 'none' });
  await knat(['agent', ...node.source, '--once']);
  const after = await knat(['agent', ...node.source, '--dry-run']);
  expect(after.output).toContain('elements: nothing to change');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends the agent with status 0; the rules stay',
  async (signal) => {
    const agent = await node.startAgent();
    agent.process.kill(signal);
    expect((await agent.ended).status).toBe(0);
    expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
  },
);

test('status, entries and explain ask the agent; explain says the same as from manifests', async () => {
  await node.startAgent();
  const status = await knat(['status']);
  expect(status).toMatchObject({ status: 0, errors: '' });
  expect(status.output).toMatch(/Planned +1 Service frontends/);
  expect(status.output).toMatch(/Kernel +matches the plan/);
  const json = JSON.parse((await knat(['status', '-o', 'json'])).output);
  expect(json).toMatchObject({ running: true, node: 'n1', counts: { frontends: 1 }, problems: [] });

  const entries = await knat(['entries', '--kind', 'frontend']);
  expect(entries.output).toContain(
    'frontend  10.96.0.10:80/TCP  Service shop/web  → 10.244.1.7:8080, 10.244.1.8:8080',
  );
  expect(JSON.parse((await knat(['entries', '--object', 'shop/web', '-o', 'json'])).output)).toHaveLength(2);
  expect(JSON.parse((await knat(['entries', 'nowhere', '-o', 'json'])).output)).toEqual([]);

  const packet = ['explain', '--from', 'pod/shop/web-0', '--to', 'svc/shop/web:http'];
  const fromAgent = await knat(packet);
  expect(fromAgent.status, fromAgent.errors).toBe(0);
  expect(fromAgent.output).toContain('Service shop/web');
  // Manifests have no existing connections and no rules of other programs; everything else is the same.
  const asked = JSON.parse((await knat([...packet, '-o', 'json'])).output);
  const planned = JSON.parse((await knat([...packet, ...node.source, '-o', 'json'])).output);
  expect(asked.existing).toEqual([]);
  expect(planned.existing).toBeNull();
  expect(planned.steps).toHaveLength(1);
  expect({ ...asked, existing: null, unknown: [], way: null }).toEqual({ ...planned, unknown: [] });

  const flows = [{ sourceIP: '10.244.1.9', protocol: 'tcp', destIP: '10.96.0.10', destPort: 80 }];
  const batch = { input: JSON.stringify(flows) };
  const answers = await knat(['explain', '--flows', '-', '-o', 'json'], batch);
  expect(JSON.parse(answers.output)).toMatchObject([
    { verdict: 'dnat', endpoints: ['10.244.1.7:8080', '10.244.1.8:8080'], masq: false, snat: null },
  ]);
  expect(await knat(['explain', '--flows', '-', '-o', 'json', ...node.source], batch)).toEqual(answers);
  expect(await knat(['explain', '--from', '10.1.1.1', '--to', '1.1.1'])).toMatchObject({ status: 2 });
});

test('a second agent is refused, and the first keeps working', async () => {
  await node.startAgent();
  const second = await knat(['agent', ...node.source]);
  expect(second.status).toBe(4);
  expect(second.errors).toContain('KNAT_AGENT_RUNNING');
  writeFileSync(join(node.folder, 'more.yaml'), serviceManifest('more', '10.96.0.11'));
  await expect.poll(listRuleset, { timeout: 30_000 }).toContain('10.96.0.11 . tcp . 80');
});

test('cleanup refuses while an agent runs, and removes everything of ours and nothing else', async () => {
  execFileSync('nft', ['add', 'table', 'ip', 'other']);
  const agent = await node.startAgent();
  const refused = await knat(['cleanup']);
  expect(refused.status).toBe(4);
  expect(refused.errors).toContain(`kill ${agent.process.pid}`);
  expect(listRuleset()).toContain('table ip knat');
  agent.process.kill();
  await agent.ended;
  expect(await knat(['cleanup'])).toEqual({
    status: 0,
    output: 'removed table ip knat\nremoved table ip6 knat\n',
    errors: '',
  });
  expect(listRuleset()).toBe('table ip other {\n}\n');
  expect((await knat(['cleanup'])).output).toContain('nothing to remove');
});

test('without an agent, status shows the content of the kernel and ends with 4', async () => {
  const empty = await knat(['status']);
  expect(empty).toMatchObject({ status: 4, output: 'The kernel has no rules of knat.\n' });
  expect(empty.errors).toContain('KNAT_AGENT_NOT_RUNNING');
  await knat(['agent', ...node.source, '--once']);
  expect((await knat(['status'])).output).toMatch(/ip knat endpoints_few +4/);
  const json = JSON.parse((await knat(['status', '-o', 'json'])).output);
  expect(json).toMatchObject({ running: false, kernel: { present: true, skeletonIntact: true } });
  expect((await knat(['entries'])).status).toBe(4);
  expect((await knat(['explain', '--from', '10.1.1.1', '--to', '1.1.1.1:80'])).status).toBe(4);
});

test('options come from the environment and from a configuration file too', async () => {
  const config = join(node.folder, 'knat.config');
  writeFileSync(config, `source: dir:${node.folder}\nnode: nobody\nonce: true\nenable: [egress]\n`);
  const { status, errors } = await knat(['agent', '--config', config], {
    environment: { KNAT_NODE: 'n1', KNAT_ENABLE: 'service' },
  });
  expect(status, errors).toBe(0);
  expect(errors).toContain('"node":"n1"');
  expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
});
