import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from '@hono/zod-openapi';
import { afterAll, expect, test } from 'vitest';
import type { FlowAnswer } from '../../src/forms/walk.ts';
import type { WhatIfJson } from '../../src/forms/what-if.ts';
import { runCommand } from './command.ts';

/** Real answers have the form that docs/schema publishes: the test uses the published files. */

const folder = mkdtempSync(join(tmpdir(), 'knat-schemas-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function published(name: string): z.ZodType {
  const text = readFileSync(`docs/schema/${name}.schema.json`, 'utf8');
  return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
}

const MANIFESTS = `apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.244.1.0/24, "fd00:244:1::/64"]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: "2001:db8::1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, "fd00:96::10"], ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.244.1.7]}, {addresses: [10.244.2.8]}]
---
apiVersion: v1
kind: Service
metadata: {name: local, namespace: shop}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.11
  externalTrafficPolicy: Local
  ports: [{port: 80}]
status: {loadBalancer: {ingress: [{ip: 192.0.2.60}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: local-1, namespace: shop, labels: {kubernetes.io/service-name: local}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [10.244.2.9], nodeName: n2}]
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;

/** A flow for each verdict, in both families where that makes a difference. */
const FLOWS: readonly (readonly [verdict: FlowAnswer['verdict'], from: string, to: string, port: number])[] =
  [
    ['dnat', '10.244.1.9', '10.96.0.10', 80],
    ['reject', 'fd00:244:1::9', 'fd00:96::10', 80],
    ['drop', '198.51.100.9', '192.0.2.60', 80],
    ['snat', '10.244.1.9', '198.51.100.9', 443],
    ['none', '198.51.100.9', '192.0.2.1', 22],
  ];

writeFileSync(join(folder, 'all.yaml'), MANIFESTS);
const source = ['--source', `dir:${folder}`, '--node', 'n1', '-o', 'json'];

test('explain --flows: every verdict', async () => {
  const asked = FLOWS.map(([, sourceIP, destIP, destPort]) => {
    return { sourceIP, protocol: 'TCP', destIP, destPort };
  });
  const words = ['explain', '--flows', '-', ...source];
  const { output, errors, status } = await runCommand(words, {}, JSON.stringify(asked));
  expect({ errors, status }).toEqual({ errors: '', status: 0 });
  const answers: unknown = JSON.parse(output);
  expect(published('explain-flows').parse(answers)).toEqual(answers);
  expect((answers as FlowAnswer[]).map(({ verdict }) => verdict)).toEqual(FLOWS.map(([verdict]) => verdict));
});

test.each(FLOWS)('explain: %s, %s → %s:%i', async (verdict, from, to, port) => {
  const words = ['explain', '--from', from, '--to', to, '--port', String(port), ...source];
  const { output, errors, status } = await runCommand(words);
  expect({ errors, status }).toEqual({ errors: '', status: 0 });
  const answer = JSON.parse(output) as { verdict: string };
  expect(published('explain').parse(answer)).toEqual(answer);
  expect(answer.verdict).toBe(verdict);
});

test('what-if: classes, claims, expectations', async () => {
  const change = join(folder, 'change.yaml.txt');
  writeFileSync(
    change,
    MANIFESTS.replace('10.244.2.8', '10.244.2.9').replace('natOutgoing: true', 'natOutgoing: false'),
  );
  const expectations = join(folder, 'expectations.yaml.txt');
  writeFileSync(
    expectations,
    'expectations: [{from: 10.244.1.9, to: "198.51.100.9:443", as: node}, {from: 10.244.1.9, to: pod/shop/gone, port: 80, as: node}]',
  );
  const words = ['what-if', '-f', change, '--expectations', expectations, '--exit-code', ...source];
  const { output, errors, status } = await runCommand(words);
  expect({ errors, status }).toEqual({ errors: '', status: 2 });
  const answer = JSON.parse(output) as WhatIfJson;
  expect(published('what-if').parse(answer)).toEqual(answer);
  expect(answer.expectations).toMatchObject([
    { before: 'met', after: 'not-met', breaks: true },
    { before: 'unknown', after: 'unknown', breaks: false },
  ]);
  const nothing = await runCommand(['what-if', '--against', `dir:${folder}`, '--exit-code', ...source]);
  expect({ ...nothing, output: JSON.parse(nothing.output) }).toEqual({
    status: 0,
    errors: '',
    output: { changes: [], unknown: [] },
  });
});

test('a schema refuses an answer of another form', () => {
  const answer = { verdict: 'dnat', endpoints: [], masq: false, snat: null, because: '' };
  const schema = published('explain-flows');
  expect(schema.safeParse([answer]).success).toBe(true);
  expect(schema.safeParse([{ ...answer, verdict: 'perhaps' }]).success).toBe(false);
  expect(schema.safeParse([{ ...answer, more: 1 }]).success).toBe(false);
  expect(schema.safeParse(answer).success).toBe(false);
});
