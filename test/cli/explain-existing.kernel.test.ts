import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhatIfJson } from '../../src/forms/what-if.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { conntrackStatus } from '../../src/wire/conntrack/entry.ts';
import { ip } from '../generators/build.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { knat, startKnat } from './knat.ts';
import { NODE, POD, serviceManifest } from './manifests.ts';

const folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
const source = ['--source', `dir:${folder}`, '--node', 'n1'];

/** The client, the ClusterIP, the endpoint that it keeps, and an address without connections. */
const families = {
  IPv4: ['198.51.100.9', '10.96.0.10', '10.244.9.9', '10.96.0.99'],
  IPv6: ['2001:db8:9::9', 'fd00:96::10', 'fd00:244::9', 'fd00:96::99'],
} as const;

beforeAll(() => {
  enterFreshNamespace();
  writeFileSync(join(folder, 'node.yaml'), NODE);
  writeFileSync(join(folder, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
  const web6 = serviceManifest('web6', 'fd00:96::10')
    .replace('addressType: IPv4', 'addressType: IPv6')
    .replaceAll('10.244.1.', 'fd00:244::');
  writeFileSync(join(folder, 'web6.yaml'), web6);
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const conntrack = new ConntrackConnection();
  for (const family of ['IPv4', 'IPv6'] as const) {
    const [client, frontend, endpoint, other] = families[family].map(ip);
    if (!client || !frontend || !endpoint || !other) throw new Error(family);
    const flow = {
      family,
      protocol: 6,
      status: conntrackStatus.IPS_CONFIRMED | conntrackStatus.IPS_SEEN_REPLY | conntrackStatus.IPS_ASSURED,
      ...{ id: 0, timeoutSeconds: 500, mark: 0, zone: 0, counters: null },
    };
    for (const [dst, sport] of [
      [frontend, 40_001],
      [other, 40_002],
    ] as const) {
      conntrack.create({
        ...flow,
        original: { src: client, dst, sport, dport: 80 },
        reply: { src: endpoint, dst: client, sport: 8080, dport: sport },
      });
    }
  }
  conntrack.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

const inBrackets = (address: string, port: number) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const [client, frontend, endpoint] = families[family];
  const packet = ['--from', client, '--to', inBrackets(frontend, 80)];
  const kept = `an existing flow: TCP ${inBrackets(client, 40_001)} → ${inBrackets(frontend, 80)} keeps going to ${inBrackets(endpoint, 8080)}`;

  test('from manifests existing flows are not known; with --conntrack on the node the flow is shown', async () => {
    const offline = await knat(['explain', ...source, ...packet, '--proto', 'tcp']);
    expect(offline.output).toContain('whether such a connection exists');
    const seen = await knat(['explain', ...source, ...packet, '--proto', 'tcp', '--conntrack']);
    expect(inOneLine(seen.output)).toContain(kept);
    expect(inOneLine(seen.output)).toMatch(/or is idle for [78] minutes \d+ seconds?/);
    expect(inOneLine(seen.output)).not.toContain(inBrackets(client, 40_002));
    const other = await knat(['explain', ...source, ...packet, '--proto', 'udp', '--conntrack']);
    expect(other.output).not.toContain('existing flow');
    expect(other.output).not.toContain('whether such a connection exists');
  });

  test('the running agent always looks for existing flows', async () => {
    const agent = startKnat(['agent', ...source, '--enable', 'egress']);
    try {
      await agent.errorsHave('"programmed"');
      const reported = await knat(['explain', ...packet, '--proto', 'tcp', '-o', 'json']);
      expect(JSON.parse(reported.output).existing).toMatchObject([
        {
          original: { source: inBrackets(client, 40_001), destination: inBrackets(frontend, 80) },
          reply: { source: inBrackets(endpoint, 8080), destination: inBrackets(client, 40_001) },
          direction: 'original',
          asPlanned: false,
        },
      ]);
      const back = ['--from', inBrackets(endpoint, 8080), '--to', inBrackets(client, 40_001)];
      const { output } = await knat(['explain', ...back]);
      expect(inOneLine(output)).toContain(
        `it belongs to the connection TCP ${inBrackets(client, 40_001)} → ${inBrackets(frontend, 80)}`,
      );
      expect(inOneLine(output)).toContain(
        `Result ${inBrackets(frontend, 80)} → ${inBrackets(client, 40_001)}`.replace(
          'Result ',
          'Result       ',
        ),
      );
      const withoutPort = await knat(['explain', '--from', endpoint, ...back.slice(2)]);
      expect(inOneLine(withoutPort.output)).toContain(`a reply of TCP ${inBrackets(client, 40_001)}`);
    } finally {
      agent.process.kill('SIGKILL');
      await agent.ended;
    }
  });
});

function inOneLine(text: string): string {
  return text.replace(/\n +/g, ' ');
}

test('what-if --connections: the agent tells which existing connections a change concerns', async () => {
  const agent = startKnat(['agent', ...source, '--enable', 'egress']);
  try {
    await agent.errorsHave('"programmed"');
    const change = ['what-if', ...source, '--delete', 'Service/shop/web', '--connections'];
    const answer = JSON.parse((await knat([...change, '-o', 'json'])).output) as WhatIfJson;
    expect(answer.changes.reduce((sum, { flows }) => sum + (flows ?? 0), 0)).toBe(1);
    expect(answer.connections).toMatchObject([
      {
        protocol: 'TCP',
        source: '198.51.100.9:40001',
        destination: '10.96.0.10:80',
        object: 'Service shop/web',
      },
    ]);
    const { output } = await knat(change);
    expect(output).toContain('1 existing connection of these packets, with the former translation\n');
  } finally {
    agent.process.kill('SIGTERM');
    await agent.ended;
  }
});
