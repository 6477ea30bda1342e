import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runAgent } from '../../src/agent/agent-run.ts';
import type { Status } from '../../src/forms/status.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';
import { untilStatus } from './until-status.ts';

let folder: string;
let stop: AbortController;
let running: Promise<unknown> = Promise.resolve();

beforeAll(() => {
  enterFreshNamespace();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-unread-'));
});

afterEach(async () => {
  await end();
  nft('flush ruleset');
  rmSync(folder, { recursive: true });
});

async function start(): Promise<Status> {
  stop = new AbortController();
  const source = dirSource(folder, { settleMs: 20 });
  const settings = { nodeName: 'node-a', nodeConfig: {}, plan: defaultPlanOptions, source };
  running = runAgent(
    { settings, logger: pino({ level: 'silent' }), version: 'test', once: false },
    stop.signal,
  );
  return await untilStatus((status) => status.programmed !== null);
}

async function end(): Promise<void> {
  stop.abort();
  await running;
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, `.${name}`), text);
  renameSync(join(folder, `.${name}`), join(folder, name));
}

const service = (name: string, clusterIP: string, port: number | string = 80) => `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {clusterIP: ${clusterIP}, ports: [{port: ${port}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.244.1.7]}]
`;
const pool = `apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;

test.each([
  ['stays as it is', () => {}],
  ['is of another version', () => nft('add rule ip knat translate counter')],
])('the rules of a broken file stay over a restart, also when the skeleton %s', async (_, change) => {
  write('a.yaml', service('a', '10.96.0.1'));
  write('b.yaml', service('b', '10.96.0.2'));
  write('pool.yaml', pool);
  await start();
  await end();
  write('b.yaml', service('b', '10.96.0.2', 70_000));
  write('pool.yaml', 'apiVersion: [');
  rmSync(join(folder, 'a.yaml'));
  change();

  const { problems } = await start();
  expect(problems.map(({ code }) => code)).toContain('KNAT_PORT_INVALID');
  expect(listRuleset()).toContain('10.96.0.2 . tcp . 80 : 10.244.1.7 . 8080');
  expect(listRuleset()).toMatch(/set egress_sources \{[^}]*elements = \{ 10\.244\.0\.0\/16 \}/);
  // The object of a missing file may be in the broken one: its rules are kept too, until all files can be read.
  expect(listRuleset()).toContain('10.96.0.1 . tcp . 80 : ');

  write('b.yaml', service('b', '10.96.0.2', 81));
  write('pool.yaml', pool);
  await untilStatus((status) => status.problems.length === 0 && !listRuleset().includes('10.96.0.1 . tcp'));
  expect(listRuleset()).toContain('10.96.0.2 . tcp . 81 : ');
  expect(listRuleset()).not.toContain('10.96.0.2 . tcp . 80 : ');
});

const rule = (name: string, cidr: string) => `apiVersion: knat.dev/v1
kind: EgressRule
metadata: {name: ${name}}
spec: {action: Keep, from: {pools: [${name}]}, to: [{cidr: ${cidr}}]}
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: ${name}}
spec: {cidr: ${name === 'a' ? '10.244.0.0/16' : '10.245.0.0/16'}, natOutgoing: true}
`;

test('the rules of a broken EgressRule stay over a restart, beside those that can be read', async () => {
  write('a.yaml', rule('a', '198.51.100.0/24'));
  write('b.yaml', rule('b', '198.51.100.0/24'));
  await start();
  await end();
  write('a.yaml', rule('a', '192.0.2.0/24'));
  write('b.yaml', `${rule('b', '192.0.2.0/24')}---\napiVersion: [\n`);
  await start();
  const ruleset = listRuleset();
  expect(ruleset).toContain('10.244.0.0/16 . 192.0.2.0/24 . 0-255 . 0-65535 : accept');
  expect(ruleset).not.toContain('10.244.0.0/16 . 198.51.100.0/24');
  expect(ruleset).toContain('10.245.0.0/16 . 198.51.100.0/24 . 0-255 . 0-65535 : accept');

  write('b.yaml', rule('b', '192.0.2.0/24'));
  await untilStatus(() => listRuleset().includes('10.245.0.0/16 . 192.0.2.0/24'));
  expect(listRuleset()).not.toContain('198.51.100.0/24');
});
