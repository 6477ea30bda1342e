import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObjectKind } from '../../model/facts.ts';
import { formatFinding } from '../../model/finding.ts';
import { sourceCodes } from '../../model/finding-codes.ts';
import { parseFact } from './fact-object.ts';
import { readFileObjects } from './file-objects.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const lines: string[] = [];
const context = {
  shared: new SharedValues(),
  podNat: defaultPodNatOptions,
  debug: (line: string) => lines.push(line),
};
const read = (text: string, name = 'f.yaml') => readFileObjects(text, name, context);

interface Flows {
  readonly id: string;
  readonly services: readonly unknown[];
  readonly endpointSlices: readonly unknown[];
}

const records = JSON.parse(
  readFileSync(new URL('../../../test/conformance/service-flows.json', import.meta.url), 'utf8'),
) as readonly Flows[];

describe('readFileObjects', () => {
  test('all objects of the conformance data are read without a problem', () => {
    let objects = 0;
    for (const { id, services, endpointSlices } of records) {
      const items = [...services, ...endpointSlices];
      const file = read(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), `${id}.json`);
      expect(file.problems, id).toEqual([]);
      expect(file.objects, id).toHaveLength(items.length);
      for (const object of file.objects ?? []) expect(object.fact, id).toBeTypeOf('object');
      objects += items.length;
    }
    expect(records).toHaveLength(72);
    expect(objects).toBeGreaterThan(140);
  });

  test('problems say file, line, object and field; other documents are read', () => {
    const text = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 172.30.0.1
  ports:
  - port: 70000
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
`;
    const file = read(text);
    expect(file.problems.map(formatFinding)).toEqual([
      'f.yaml:7: Service shop/web: spec.ports[0].port: 70000 is no port: use a whole number from 1 to 65535 (KNAT_PORT_INVALID)',
    ]);
    expect(file.objects?.map(({ key, fact, line }) => [key, fact === 'rejected', line])).toEqual([
      ['shop/web', true, 1],
      ['shop/api', false, 9],
    ]);
  });

  test('the same object twice in a file: the first wins', () => {
    const pool = (cidr: string) =>
      `{apiVersion: knat.dev/v1, kind: IPPool, metadata: {name: p}, spec: {cidr: ${cidr}}}`;
    const file = read(`${pool('10.0.0.0/8')}\n---\n${pool('192.168.0.0/16')}\n`);
    expect(file.objects).toMatchObject([{ key: 'p', fact: { cidr: { address: '10.0.0.0' } } }]);
    expect(file.problems.map(formatFinding)).toEqual([
      'f.yaml:3: IPPool p: IPPool p is already on line 1 of this file, which is used: remove one (KNAT_OBJECT_DUPLICATE)',
    ]);
  });

  test.each([
    ['knat.dev/v1', 'projectcalico.org/v3', '192.168.0.0'],
    ['crd.projectcalico.org/v1', 'knat.dev/v1', '10.0.0.0'],
  ])("a pool of %s and %s in one file: Calico's wins, without a problem", (first, second, address) => {
    const pool = (group: string, cidr: string) =>
      `{apiVersion: ${group}, kind: IPPool, metadata: {name: p}, spec: {cidr: ${cidr}}}\n`;
    const file = read(`${pool(first, '10.0.0.0/8')}---\n${pool(second, '192.168.0.0/16')}`);
    expect(file.problems).toEqual([]);
    expect(file.objects).toMatchObject([{ key: 'p', fact: { cidr: { address } } }]);
  });

  test.each([
    ['knat.dev/v1', 'projectcalico.org/v3'],
    ['projectcalico.org/v3', 'knat.dev/v1'],
    ['knat.dev/v1', 'knat.dev/v1'],
  ])(
    'a pool of %s and of %s in one file, the deciding one wrong: the other counts, as it does from another file',
    (first, second) => {
      const right = 'projectcalico.org/v3' === first ? second : first;
      const pool = (group: string, isRight: boolean) =>
        `{apiVersion: ${group}, kind: IPPool, metadata: {name: p}, spec: {cidr: ${isRight ? '10.0.0.0/8' : 'x'}}}\n`;
      const [one, other] = first === second ? [false, true] : [first === right, second === right];
      const file = read(`${pool(first, one)}---\n${pool(second, other)}`);
      expect(file.objects).toMatchObject([
        { key: 'p', fact: 'rejected' },
        { key: 'p', fact: { cidr: { address: '10.0.0.0' } } },
      ]);
    },
  );

  test('other kinds are left out with a debug line', () => {
    lines.length = 0;
    expect(read('apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: x}')).toEqual({
      objects: [],
      problems: [],
    });
    expect(lines).toEqual(['f.yaml:1: serving.knative.dev/v1 Service is of no kind that knat reads']);
  });

  test.each([
    ['kind: Service\nmetadata: {name: x}', 'the document has no apiVersion: add it'],
    ['apiVersion: v1\nmetadata: {name: x}', 'the document has no kind: add it'],
    ['just text', 'the text "just text" is no Kubernetes object: write apiVersion, kind and metadata'],
    ['- a', 'the text "a" is no Kubernetes object: write apiVersion, kind and metadata'],
  ])('%j is no object', (text, message) => {
    const file = read(text);
    expect(file.objects).toEqual([]);
    expect(file.problems.map(formatFinding)).toEqual([`f.yaml:1: ${message} (KNAT_OBJECT_INVALID)`]);
  });

  test('a syntax error: nothing is known of the objects', () => {
    expect(read('a: [')).toMatchObject({ objects: null, problems: [{ code: 'KNAT_MANIFEST_SYNTAX' }] });
  });

  test('no value makes a parser throw, and every problem has a code of the table', () => {
    const kinds: readonly ObjectKind[] = ['Service', 'EndpointSlice', 'Pod', 'Node', 'IPPool'];
    const fields = [
      'metadata',
      'name',
      'spec',
      'status',
      'ports',
      'port',
      'cidr',
      'endpoints',
      'addresses',
      'podIPs',
    ];
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, 80, 70000, '10.0.0.1', '10.0.0.0/8', 'IPv4', 'x', ''),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...fields), tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), value, (kind, object) => {
        const parsed = parseFact(kind, object, context);
        const problems = parsed.ok ? parsed.warnings : parsed.problems;
        expect(parsed.ok || problems.some(({ severity }) => severity === 'error')).toBe(true);
        for (const { code } of problems) expect(sourceCodes).toHaveProperty(code);
      }),
      { numRuns: 1000 },
    );
  });
});
