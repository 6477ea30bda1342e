import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { conntrackStatus } from '../../src/wire/conntrack/entry.ts';
import { ip } from '../generators/build.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { knat, startKnat } from './knat.ts';
import { NODE, POD, serviceManifest } from './manifests.ts';

const folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
const source = ['--source', `dir:${folder}`, '--node', 'n1'];
const packet = ['--from', '198.51.100.9', '--to', '10.96.0.10:80'];

beforeAll(() => {
  enterFreshNamespace();
  writeFileSync(join(folder, 'node.yaml'), NODE);
  writeFileSync(join(folder, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const conntrack = ConntrackConnection.open();
  const status = conntrackStatus.IPS_CONFIRMED | conntrackStatus.IPS_SEEN_REPLY | conntrackStatus.IPS_ASSURED;
  conntrack.create({
    family: 'IPv4',
    protocol: 6,
    original: { src: ip('198.51.100.9'), dst: ip('10.96.0.10'), sport: 40001, dport: 80 },
    reply: { src: ip('10.244.9.9'), dst: ip('198.51.100.9'), sport: 8080, dport: 40001 },
    status,
    id: 0,
    timeoutSeconds: 500,
    mark: 0,
    zone: 0,
    counters: null,
  });
  conntrack.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

const kept =
  /an existing flow: TCP 198\.51\.100\.9:40001 → 10\.96\.0\.10:80 keeps going to\s+10\.244\.9\.9:8080/;

test('from manifests it is not known; with --conntrack on the node the flow is told', async () => {
  const offline = await knat(['explain', ...source, ...packet, '--proto', 'tcp']);
  expect(offline.output).toContain('whether such a connection exists');
  const seen = await knat(['explain', ...source, ...packet, '--proto', 'tcp', '--conntrack']);
  expect(seen.output.replace(/\n +/g, ' ')).toMatch(kept);
  expect(seen.output.replace(/\n +/g, ' ')).toMatch(/or is still for 4\d\d s/);
  const other = await knat(['explain', ...source, ...packet, '--proto', 'udp', '--conntrack']);
  expect(other.output).not.toContain('existing flow');
  expect(other.output).not.toContain('whether such a connection exists');
});

test('the running agent looks for it by itself', async () => {
  const agent = startKnat(['agent', ...source, '--enable', 'egress']);
  try {
    await agent.errorsHave('"programmed"');
    const told = await knat(['explain', ...packet, '--proto', 'tcp', '-o', 'json']);
    expect(JSON.parse(told.output).existing).toMatchObject([
      {
        original: { source: '198.51.100.9:40001', destination: '10.96.0.10:80' },
        reply: { source: '10.244.9.9:8080', destination: '198.51.100.9:40001' },
      },
    ]);
  } finally {
    agent.process.kill('SIGKILL');
    await agent.ended;
  }
});
