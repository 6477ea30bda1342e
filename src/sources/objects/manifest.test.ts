import { describe, expect, test } from 'vitest';
import { readManifest } from './manifest.ts';
import { fieldSteps } from './manifest-root.ts';

/** `LINE KIND NAME` of each document, or the error as `LINE: MESSAGE`. */
function show(text: string, filename = 'x.yaml'): string[] {
  const documents = readManifest(text, filename);
  if ('message' in documents) return [`${documents.line}: ${documents.message}`];
  return documents.map(({ line, apiVersion, kind, value }) => {
    const { metadata } = value as { metadata?: { name?: string } };
    return `${line} ${apiVersion} ${kind} ${metadata?.name ?? '-'}`;
  });
}

const pod = (name: string) => `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "${name}"}}`;

describe('readManifest', () => {
  test('many YAML documents, empty ones left out', () => {
    const text = `# a comment
---
apiVersion: v1
kind: Pod
metadata: {name: a}
---
---
# nothing here
---
apiVersion: v1
kind: Service
metadata: {name: b}
...
`;
    expect(show(text)).toEqual(['3 v1 Pod a', '10 v1 Service b']);
  });

  test('a List is taken apart, with the line of each item', () => {
    const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: b}
`;
    expect(show(text)).toEqual(['4 v1 Pod a', '7 discovery.k8s.io/v1 EndpointSlice b']);
  });

  test('a list in a list is taken apart; a tower of them is refused', () => {
    const within = (depth: number) =>
      `${'{"apiVersion":"v1","kind":"List","items":['.repeat(depth)}${pod('a')}${']}'.repeat(depth)}`;
    expect(show(within(3))).toEqual(['1 v1 Pod a']);
    expect(show(within(8))).toEqual(['1 v1 Pod a']);
    expect(show(`\n${within(9)}`)).toEqual(['2: lists nested more than 8 deep: flatten them']);
  });

  test("the items of a ServiceList take the list's kind and version", () => {
    const text = `{"kind": "ServiceList", "apiVersion": "v1", "items": [
  {"metadata": {"name": "a", "x": "]}\\""}},

  {"metadata": {"name": "b"}}
]}`;
    expect(show(text, 'x.json')).toEqual(['2 v1 Service a', '4 v1 Service b']);
  });

  test('a kind that ends in List and has no items is a kind of its own', () => {
    expect(show('{"kind": "WishList", "apiVersion": "v1"}')).toEqual(['1 v1 WishList -']);
  });

  test('a plain JSON list of objects', () => {
    expect(show(`[${pod('a')},\n${pod('b')}]`, 'x.json')).toEqual(['1 v1 Pod a', '2 v1 Pod b']);
  });

  test('a List in a List', () => {
    expect(
      show(`{"kind": "List", "apiVersion": "v1", "items": [{"kind": "List", "items":\n[${pod('a')}]}]}`),
    ).toEqual(['2 v1 Pod a']);
  });

  test.each(['x.json', 'x.yaml'])('several JSON documents in %s', (filename) => {
    expect(show(`${pod('a')}\n---\n${pod('b')}\n`, filename)).toEqual(['1 v1 Pod a', '3 v1 Pod b']);
  });

  test('JSON documents behind each other without a separator, and the lines in them', () => {
    const text = `${pod('a')}\n${pod('b')}{"kind":"List","items":[\n${pod('c')}]}`;
    expect(show(text, 'x.json')).toEqual(['1 v1 Pod a', '2 v1 Pod b', '3 v1 Pod c']);
    expect(show(`${text}\n{"a" 1}`, 'x.json')).toEqual(['4: no valid JSON: unexpected "1"']);
    expect(show(`${text}\nx`, 'x.json')).toEqual(['4: no valid JSON: unexpected "x"']);
  });

  test('a YAML flow mapping that is no JSON', () => {
    expect(show('{apiVersion: v1, kind: Pod, metadata: {name: a}}')).toEqual(['1 v1 Pod a']);
  });

  test.each(['', '\n', '# only a comment', '---\n---\n', 'null'])('%j holds nothing', (text) => {
    expect(show(text)).toEqual([]);
  });

  test('directives, documents that end by three dots, and marks with a value behind them', () => {
    expect(show('%YAML 1.2\n---\nkind: A\n...\n%YAML 1.2\n---\nkind: B\n')).toEqual(['3  A -', '7  B -']);
    expect(show('kind: A\n...\nkind: B\n--- {kind: C}\n---\nkind: D\r\n---\r\nkind: E\r\n')).toEqual([
      '1  A -',
      '3  B -',
      '4  C -',
      '6  D -',
      '8  E -',
    ]);
  });

  test('a text with dashes is no document mark', () => {
    const text = 'kind: A\ntext: |\n  ---\n  kind: no\n---\nkind: B\nlist:\n- 1\n---- x';
    expect(show(text).join()).toMatch(/^[89]: no valid YAML/);
  });

  test('a YAML document that would take minutes is refused', () => {
    expect(show(`kind: A\n---\nkind: B\ntext: ${'x'.repeat(9_000_000)}`)).toEqual([
      '2: a YAML document above 8 MiB: split it, or write it as JSON',
    ]);
  });

  test('the line of a field in a later document', () => {
    const documents = readManifest('kind: A\n---\n\nkind: B\nspec:\n  x: 1\n', 'x.yaml');
    if ('message' in documents) throw new Error(documents.message);
    expect(documents[1]?.lineOf(['spec', 'x'])).toBe(6);
  });

  test('merge keys work', () => {
    expect(show('a: &a {kind: Pod, apiVersion: v1}\n<<: *a')).toEqual(['1 v1 Pod -']);
  });

  test.each([
    ['a: b\nc: [1\nd: 2', 'x.yaml', /^[23]: no valid YAML: /],
    ['a: 1\n---\nb: 1\n b: 2', 'x.yaml', /^[34]: no valid YAML: /],
    ['a: 1\na: 2', 'x.yaml', /^2: no valid YAML: Map keys must be unique/],
    ['a: *nothing', 'x.yaml', /^1: no valid YAML: /],
    ['{"a": 1,\n"b": }', 'x.json', /^2: no valid JSON: /],
    ['{"a": 1,\n"b": [1, 2', 'x.json', /^2: no valid JSON: /],
    ['{"a": 1,\n\n', 'x.json', /^3: no valid JSON: /],
    [`{"a": "${'x'.repeat(500)}",\n"b": "${'x'.repeat(500)}" "c"\n}`, 'x.json', /^2: no valid JSON: /],
    [`{"a": "\n"}`, 'x.json', /^1: no valid JSON: /],
  ])('%j is refused with its line', (text, filename, expected) => {
    expect(show(text, filename).join()).toMatch(expected);
  });

  test('an alias bomb is refused', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++) {
      const one = `*${String.fromCharCode(96 + i)}`;
      bomb.push(
        `${String.fromCharCode(97 + i)}: &${String.fromCharCode(97 + i)} [${Array(9).fill(one).join(',')}]`,
      );
    }
    expect(show(bomb.join('\n')).join()).toMatch(/^1: no valid YAML: Excessive alias count/);
  });

  test.each([
    [
      'x.yaml',
      'apiVersion: v1\nkind: List\nitems:\n- kind: Service\n  spec:\n    ports:\n    - port: 1\n    - port: 2\n',
      8,
    ],
    [
      'x.json',
      '{"kind":"List","items":[\n{"kind":"Service",\n"spec":{"ports":[\n{"port":1},\n{"x":"[{",\n"port":2}]}}]}',
      6,
    ],
  ])('the line of a field in %s', (filename, text, line) => {
    const documents = readManifest(text, filename);
    if ('message' in documents) throw new Error(documents.message);
    expect(documents[0]?.lineOf(fieldSteps('spec.ports[1].port'))).toBe(line);
    expect(documents[0]?.lineOf(fieldSteps('spec.ports[1].absent'))).toBeGreaterThan(1);
  });

  test('field paths are split into steps', () => {
    expect(fieldSteps('metadata.labels[a.b/c]')).toEqual(['metadata', 'labels', 'a.b/c']);
    expect(fieldSteps('spec.ports[10].port')).toEqual(['spec', 'ports', 10, 'port']);
    expect(fieldSteps('')).toEqual([]);
  });
});
