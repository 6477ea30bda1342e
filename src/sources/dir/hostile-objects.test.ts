/**
 * Objects with hostile values in any place: reading a folder never fails, every other object is read as if the bad one
 * were not there, and whatever is left out is named. The readers are those of the API server's objects as well.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readDirOnce } from '../../../test/generators/folder-contents.ts';
import {
  bystander,
  changed,
  HOSTILE,
  type Json,
  pathsOf,
  templates,
} from '../../../test/generators/hostile.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-hostile-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hostile = fc.record({
  kind: fc.constantFrom(...Object.keys(templates)),
  place: fc.nat(1000),
  how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add'),
  value: fc.nat(HOSTILE.length - 1),
  key: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', ''),
  layout: fc.constantFrom('YAML', 'JSON', 'List'),
});

test('a hostile value anywhere: nothing fails, no other object is affected, and what is left out is named', {
  timeout: 60_000,
}, async () => {
  const untouched = new Set(Object.getOwnPropertyNames(Object.prototype));
  await fc.assert(
    fc.asyncProperty(hostile, async ({ kind, place, how, value: index, key, layout }) => {
      const value = HOSTILE[index] ?? null;
      const template = templates[kind] ?? null;
      const paths = pathsOf(template).filter(
        (path) => path.length > 0 && path[0] !== 'kind' && path[0] !== 'apiVersion',
      );
      const path = paths[place % paths.length] ?? [];
      const bad = changed(template, path, how, value, key);
      const items = [bystander, bad];
      const list = { apiVersion: 'v1', kind: 'List', items };
      const text =
        layout === 'YAML'
          ? items.map((item) => stringify(item)).join('---\n')
          : JSON.stringify(layout === 'List' ? list : items);
      writeFileSync(join(folder, 'objects.yaml'), text);
      const { changes, problems } = await readDirOnce(folder);
      const good = changes.find((change) => change.kind === 'Service' && change.key === 'ns/good');
      expect(good?.fact, text.slice(0, 3000)).toMatchObject({
        clusterIPs: ['172.30.0.10'],
        ports: [{ port: 80 }],
      });
      const isRead = changes.some((change) => change !== good);
      const isNamed = problems.length > 0;
      const isNothing = isNoFact(kind, bad);
      expect(isRead || isNamed || isNothing, `neither read nor named: ${text.slice(0, 3000)}`).toBe(true);
      expect(new Set(Object.getOwnPropertyNames(Object.prototype))).toEqual(untouched);
    }),
    { numRuns: 300 },
  );
});

/** What is no fact by its meaning, and needs no word: a slice of no Service, settings of another name. */
function isNoFact(kind: string, object: Json): boolean {
  const text = JSON.stringify(object);
  if (kind === 'EndpointSlice')
    return (
      !text.includes('"kubernetes.io/service-name":"') ||
      text.includes('"kubernetes.io/service-name":""') ||
      text.includes('FQDN')
    );
  return kind === 'FelixConfiguration' && !text.includes('"name":"default"');
}

test.each([
  [
    'lists in lists',
    (depth: number) => `${'{"apiVersion":"v1","kind":"List","items":['.repeat(depth)}${']}'.repeat(depth)}`,
  ],
  ['lists of JSON', (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`],
  ['YAML', (depth: number) => `a: ${'['.repeat(depth)}${']'.repeat(depth)}`],
  ['YAML mappings', (depth: number) => `${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`],
])('a nesting of 20,000 %s is reported, and other files are read', async (_, text) => {
  writeFileSync(join(folder, 'objects.yaml'), text(20_000));
  writeFileSync(join(folder, 'other.json'), JSON.stringify(bystander));
  try {
    const { changes, problems } = await readDirOnce(folder);
    expect(changes).toHaveLength(1);
    expect(problems.length).toBeGreaterThan(0);
  } finally {
    rmSync(join(folder, 'other.json'));
  }
});

test('an annotation of 10 MB', async () => {
  const pod = (raw: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'big', namespace: 'ns', annotations: { 'bln.space/podnat': raw } },
    spec: { nodeName: 'node-1' },
    status: { podIP: '10.0.0.5' },
  });
  const entries = '{"srcPort":25,"dstPort":25},'.repeat(370_000);
  writeFileSync(join(folder, 'objects.yaml'), JSON.stringify([bystander, pod(`{"entries":[${entries}]}`)]));
  const { changes } = await readDirOnce(folder);
  expect(changes.map(({ key }) => key).sort()).toEqual(['ns/big', 'ns/good']);
  const big = changes.find(({ key }) => key === 'ns/big')?.fact;
  expect(big).toMatchObject({ nat: { entries: [], error: expect.stringMatching(/^error unmarshaling/) } });
});
