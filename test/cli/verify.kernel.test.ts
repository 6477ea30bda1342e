/** `knat verify` as a pipeline runs it: the examples, and faulty files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { knat } from './knat.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLES = join(REPOSITORY, 'examples');
const MANIFESTS = `dir:${join(EXAMPLES, 'mail-server')}`;
const EXPECTATIONS = join(EXAMPLES, 'verify/mail-server.yaml');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('recorded expectations', () => {
  const demo = ['--source', `dir:${join(EXAMPLES, 'demo')}`];

  test('are met, are kept, and what-if says which ones a change breaks', async () => {
    const path = join(folder, 'recorded.yaml');
    const recorded = await knat(['verify', path, '--record', ...demo]);
    expect(recorded.errors).toBe('');
    expect(recorded.output).toMatch(/^\d+ expectations written to /);
    const met = await knat(['verify', path, ...demo]);
    expect(met.output.trimEnd().split('\n').at(-1)).toMatch(/^\d+ met, 0 not met$/);
    const again = await knat(['verify', path, '--record', ...demo]);
    expect(again.errors).toContain('KNAT_REPORT_UNWRITABLE');
    expect(again.status).toBe(2);
    const change = ['what-if', ...demo, '--node', 'node1', '--delete', 'Service/shop/web'];
    const broken = await knat([...change, '--expectations', path, '--exit-code']);
    expect(broken.output).toMatch(/^Expectations: \d+ of \d+ break, every other one is met$/m);
    expect(broken.output).toContain(
      '  Service shop/web: NodePort 203.0.113.11:30080/TCP, from the outside\n',
    );
    expect(broken.status).toBe(2);
  });
});

describe('the truths of the demo', () => {
  const path = join(EXAMPLES, 'verify/demo.yaml');
  const demo = ['--source', `dir:${join(EXAMPLES, 'demo')}`];

  test('are met', async () => {
    const { status, output, errors } = await knat(['verify', path, ...demo, '--strict']);
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
    expect(output).toMatch(/\n12 met, 0 not met\n$/);
  });

  test('are unknown, not failed, where no object says which addresses the node bears', async () => {
    const { addresses: _, ...rest } = parse(readFileSync(path, 'utf8'));
    const bare = written('bare.yaml', JSON.stringify(rest));
    const report = join(folder, 'bare.xml');
    const { status, output, errors } = await knat(['verify', bare, ...demo, '--junit', report]);
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
    expect(output).toMatch(/\n10 met, 0 not met, 2 unknown\n$/);
    expect(output).toContain(
      'if node node1 bears 203.0.113.25: met; else: not met (as: expected 203.0.113.25, is node)',
    );
    expect(readFileSync(report, 'utf8')).toMatch(/tests="12" failures="0" errors="0" skipped="2"/);
    expect((await knat(['verify', bare, ...demo, '--strict'])).status).toBe(1);
    const json = JSON.parse((await knat(['verify', bare, ...demo, '-o', 'json'])).output);
    const count = (wanted: string) =>
      json.filter((one: { outcome: string }) => one.outcome === wanted).length;
    expect([count('met'), count('not-met'), count('unknown')]).toEqual([10, 0, 2]);
  });

  test('what holds in no case is not met', async () => {
    const expectations = [
      { from: 'pod/shop/mail', to: '198.51.100.10:443', as: '203.0.113.99' },
      { from: '198.51.100.11', to: '203.0.113.25:26', reaches: 'pod/shop/mail' },
    ];
    const wrong = written('wrong.yaml', JSON.stringify({ node: 'node1', expectations }));
    const { status, output } = await knat(['verify', wrong, ...demo]);
    expect(status).toBe(1);
    expect(output).toMatch(/\n0 met, 2 not met\n$/);
  });
});

describe('the example', () => {
  test('all expectations are met, and the output says so', async () => {
    const { status, output, errors } = await knat([
      'verify',
      EXPECTATIONS,
      '--source',
      MANIFESTS,
      '--strict',
    ]);
    expect(errors).toBe('');
    expect(output).toContain('ok    mail leaves with the address that the PTR record names\n');
    expect(output.trimEnd().split('\n').at(-1)).toBe('7 met, 0 not met');
    expect(status).toBe(0);
  });

  test('the job of the pipeline runs as it is written', async () => {
    const job = parse(readFileSync(join(EXAMPLES, 'verify/pipeline.yaml'), 'utf8')).nat;
    const [command, ...others] = job.script as string[];
    expect(others).toEqual([]);
    const [program, ...args] = (command ?? '').split(' ');
    expect(program).toBe('knat');
    expect(args.at(-1)).toBe(job.artifacts.reports.junit);
    const report = join(folder, 'nat.xml');
    const inPlace = args.map((arg) =>
      arg
        .replace('dir:examples/', `dir:${EXAMPLES}/`)
        .replace(/^examples\//, `${EXAMPLES}/`)
        .replace('nat.xml', report),
    );
    expect((await knat(inPlace)).status).toBe(0);
    expect(readFileSync(report, 'utf8')).toContain(
      '<testsuites name="knat verify" tests="7" failures="0" errors="0" skipped="0">',
    );
  });
});

test('an expectation that is not met is shown with the reason; status 1', async () => {
  const file = written(
    'broken.yaml',
    `expectations:
  - name: <submission> & "quotes"
    from: 198.51.100.10
    to: 203.0.113.25:587
    verdict: none
    reaches: 203.0.113.25
  - from: pod/default/mial
    to: 1.1.1.1:53
    as: node
  - from: 198.51.100.10
    to: 203.0.113.25:25
    verdict: dnat
`,
  );
  const junit = join(folder, 'broken.xml');
  const { status, output } = await knat(['verify', file, '--source', MANIFESTS, '--junit', junit]);
  expect(status).toBe(1);
  expect(output).toContain('FAIL  <submission> & "quotes"\n');
  expect(output).toContain(`${file}:2, on node node1\n`);
  expect(output).toContain('verdict  expected  none\n               is        dnat\n');
  expect(output).toContain('reaches  expected  203.0.113.25\n               is        10.244.1.10:587\n');
  expect(output).toContain('Pod default/mail');
  expect(output).toContain('from: there is no Pod default/mial; there is default/mail\n');
  expect(output).toContain('ok    198.51.100.10 → 203.0.113.25:25\n');
  expect(output).toMatch(/1 met, 2 not met\n$/);

  const xml = readFileSync(junit, 'utf8');
  expect(XMLValidator.validate(xml)).toBe(true);
  const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(xml);
  expect(testsuites).toMatchObject({ '@_tests': '3', '@_failures': '1', '@_errors': '1' });
  const [broken, unknown, fine] = testsuites.testsuite.testcase;
  expect(broken).toMatchObject({ '@_name': '<submission> & "quotes"', '@_line': '2' });
  expect(broken.failure['@_message']).toContain('verdict: expected none, is dnat');
  expect(unknown.error['@_message']).toContain('there is no Pod');
  expect(fine).not.toHaveProperty('failure');
});

test('as JSON', async () => {
  const { status, output } = await knat(['verify', EXPECTATIONS, '--source', MANIFESTS, '-o', 'json']);
  expect(status).toBe(0);
  expect(JSON.parse(output)[0]).toEqual({
    name: 'mail leaves with the address that the PTR record names',
    origin: `${EXPECTATIONS}:5`,
    node: 'node1',
    passed: true,
    outcome: 'met',
    unknown: null,
    packet: 'TCP 10.244.1.10 → 198.51.100.10:25',
    mismatches: [],
    error: null,
    notes: [],
    because: expect.stringContaining('Pod default/mail'),
  });
});

test('each packet is evaluated on the node of its sender', async () => {
  const file = written(
    'nodes.yaml',
    `expectations:
  - {from: pod/shop/mail, to: "198.51.100.10:25", as: 203.0.113.25}
  - {from: node/node2, to: "198.51.100.10:25", verdict: none}
  - {node: node2, from: 10.244.2.10, to: "198.51.100.10:443", as: node/node2}
`,
  );
  const source = `dir:${join(EXAMPLES, 'demo')}`;
  const { output } = await knat(['verify', file, '--source', source, '-o', 'json']);
  expect(JSON.parse(output).map(({ node }: { node: string }) => node)).toEqual(['node1', 'node2', 'node2']);
});

describe('files that cannot be used: status 2, and the message names each line', () => {
  test.each([
    ['no list', 'expectations: 7\n', ':1: expectations: write a list of expectations here'],
    ['an empty list', 'expectations: []\n', ':1: expectations: the list is empty'],
    ['an empty file', '', 'the file is empty'],
    ['a file of another kind', '- 1\n', 'no mapping with the key expectations'],
    [
      'nothing expected',
      'expectations:\n- {from: 1.1.1.1, to: "2.2.2.2:1"}\n',
      ':2: expectations.0: expects nothing',
    ],
    [
      'a typing error',
      'expectations:\n- from: 1.1.1.1\n  to: 2.2.2.2:1\n  reach: 3.3.3.3\n  as: node\n',
      ':4: expectations.0.reach: unknown key: did you mean reaches?',
    ],
    ['no sender', 'expectations:\n- {to: "2.2.2.2:1", as: node}\n', 'expectations.0.from: missing'],
    [
      'no such verdict',
      'expectations:\n- {from: 1.1.1.1, to: "2.2.2.2:1", verdict: maybe}\n',
      'expectations.0.verdict: write one of dnat, snat, none, drop, reject',
    ],
    ['broken YAML', 'expectations: [\n', 'broken YAML.yaml:'],
  ])('%s', async (name, text, message) => {
    const { status, errors } = await knat(['verify', written(`${name}.yaml`, text), '--source', MANIFESTS]);
    expect(errors).toContain(message);
    expect(errors).toContain('KNAT_EXPECTATIONS_INVALID');
    expect(status).toBe(2);
  });

  test('a file that does not exist', async () => {
    const { status, errors } = await knat(['verify', join(folder, 'none.yaml'), '--source', MANIFESTS]);
    expect(errors).toContain('KNAT_CONFIG_UNREADABLE');
    expect(status).toBe(2);
  });

  test('a report that cannot be written', async () => {
    const junit = join(folder, 'no/such/folder.xml');
    const { status, errors } = await knat(['verify', EXPECTATIONS, '--source', MANIFESTS, '--junit', junit]);
    expect(errors).toContain('KNAT_REPORT_UNWRITABLE');
    expect(status).toBe(2);
  });
});
