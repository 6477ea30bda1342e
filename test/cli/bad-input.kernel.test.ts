import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { enterFreshNamespace, listRuleset } from '../netns/namespace.ts';
import { type Ended, knat, startKnat } from './knat.ts';
import { NODE, serviceManifest } from './manifests.ts';

/** Every fault gives one message: what is wrong, where, and what to do. Everything else works, and existing rules stay. */

let folder: string;
let once: readonly string[];

beforeAll(() => enterFreshNamespace());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  writeFileSync(join(folder, 'node.yaml'), NODE);
  writeFileSync(join(folder, 'web.yaml'), serviceManifest('web', '10.96.0.10'));
  once = ['agent', '--source', `dir:${folder}`, '--node', 'n1', '--once'];
});

afterEach(() => {
  execFileSync('nft', ['flush', 'ruleset']);
  rmSync(folder, { recursive: true });
});

/** The messages of the log, without those of normal operation. */
function complaints({ errors }: Ended): string[] {
  return errors
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { level: string; msg: string })
    .filter(({ level, msg }) => level !== 'info' && !msg.startsWith('something else changed'))
    .map(({ msg }) => msg);
}

/** Checks that the agent programs nothing and explains it in one message without a stack. */
function expectRefusal(ended: Ended, status: number, ...texts: string[]): void {
  expect(ended.status, ended.errors).toBe(status);
  const message = ended.errors.slice(ended.errors.indexOf('knat: '));
  for (const text of texts) expect(message).toContain(text);
  expect(message).not.toMatch(/^ {4}at /m);
  expect(message.trimEnd().split('\n').length).toBeLessThanOrEqual(4);
}

test.each([
  [
    'a port that is none',
    serviceManifest('bad', '10.96.0.20').replace('port: 80,', 'port: 70000,'),
    ['bad.yaml:4: Service shop/bad: spec.ports[0].port: 70000 is no port', 'KNAT_PORT_INVALID'],
  ],
  [
    'an address of the wrong family',
    serviceManifest('bad', '10.96.0.20').replace('10.244.1.8', 'fd00::8'),
    ['bad.yaml:', 'EndpointSlice shop/bad-1: endpoints[1].addresses[0]', 'KNAT_ADDRESS_FAMILY'],
  ],
  [
    'a CIDR with host bits',
    'apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: pool}\nspec: {cidr: 10.244.0.1/16}\n',
    ['bad.yaml:4: IPPool pool: spec.cidr', 'not strictly masked', 'KNAT_POOL_CIDR'],
  ],
  [
    'an object that stands in two places',
    serviceManifest('web', '10.96.0.21').split('---')[0] ?? '',
    ['Service shop/web', 'KNAT_OBJECT_DUPLICATE'],
  ],
  ['no YAML', 'kind: [\n', ['bad.yaml:', 'no valid YAML', 'KNAT_MANIFEST_SYNTAX']],
])('%s: named with file, object and field; the rest is programmed', async (_, manifest, texts) => {
  writeFileSync(join(folder, 'zz-bad.yaml'), manifest);
  const ended = await knat(once);
  expect(ended.status, ended.errors).toBe(0);
  const said = complaints(ended).filter((line) => !line.includes('KNAT_LAST_GOOD'));
  expect(said).toHaveLength(1);
  for (const text of texts) expect(said[0]).toContain(text);
  expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
  const strict = await knat([...once, '--strict']);
  expect(strict.status).toBe(1);
  expect(strict.errors).toContain('KNAT_OBJECT_PROBLEMS');
});

test('a file of 50 MB is refused by its size, without being read', async () => {
  const file = join(folder, 'huge.yaml');
  writeFileSync(file, 'kind: List\n');
  truncateSync(file, 50_000_000);
  const ended = await knat(once);
  expect(ended.status).toBe(0);
  expect(complaints(ended)).toEqual([
    expect.stringMatching(
      /huge\.yaml: the file has 47\.7 MiB, and the limit is 32\.0 MiB.*KNAT_MANIFEST_TOO_LARGE/,
    ),
  ]);
  expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
});

test('an object that breaks while the agent runs keeps its last good state', async () => {
  const agent = startKnat(once.filter((arg) => arg !== '--once'));
  try {
    await agent.errorsHave('"programmed"');
    writeFileSync(
      join(folder, 'web.yaml'),
      serviceManifest('web', '10.96.0.10').replace('port: 80,', 'port: 70000,'),
    );
    writeFileSync(join(folder, 'more.yaml'), serviceManifest('more', '10.96.0.11'));
    await agent.errorsHave('KNAT_PORT_INVALID');
    await expect.poll(listRuleset, { timeout: 30_000 }).toContain('10.96.0.11 . tcp . 80');
    expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
    expect((await knat(['status'])).output).toContain('Service shop/web: spec.ports[0].port');
  } finally {
    agent.process.kill();
    await agent.ended;
  }
});

test('a missing folder, a file for a folder, a missing configuration', async () => {
  const source = (path: string) => ['agent', '--once', '--source', `dir:${path}`];
  expectRefusal(
    await knat(source(join(folder, 'nowhere'))),
    2,
    'nowhere does not exist',
    'KNAT_FOLDER_MISSING',
  );
  expectRefusal(await knat(source(join(folder, 'web.yaml'))), 2, 'is not a folder', 'KNAT_FOLDER_MISSING');
  expectRefusal(await knat([...once, '--node-config', '/nowhere']), 2, '/nowhere does not exist');
  expectRefusal(await knat([...once, '--config', folder]), 2, 'is a folder', 'KNAT_CONFIG_UNREADABLE');
  expectRefusal(await knat(['agent', '--once']), 2, 'no source is named');
  expect(listRuleset()).toBe('');
});

test('wrong usage: status 2, and a suggestion of the intended word', async () => {
  expectRefusal(await knat(['agnet']), 2, "unknown command 'agnet'", 'Did you mean agent?');
  expectRefusal(await knat(['agent', '--sorce', 'x']), 2, 'Did you mean --source?');
  expectRefusal(await knat(['agent', '--source', 'consul']), 2, 'dir:PATH', 'kubernetes');
  expectRefusal(
    await knat(['agent', '--source', 'kubernetes', '--kubeconfig', '/nowhere']),
    2,
    'KNAT_KUBECONFIG',
  );
  expectRefusal(await knat(['agent', '--enable', 'services']), 2, 'none of service, pod, egress');
  expectRefusal(await knat(['entries', '--kind', 'frontends']), 2, 'did you mean frontend?');
  expect((await knat(['agent', '--help'])).status).toBe(0);
});

test('explain names the wrong flow and field, and asks for the node', async () => {
  const source = ['--source', `dir:${folder}`];
  const good = { sourceIP: '10.1.1.1', protocol: 'tcp', destIP: '10.96.0.10', destPort: 80 };
  const input = JSON.stringify([good, { ...good, destPort: 70000 }]);
  const flows = ['explain', ...source, '--flows', '-'];
  expectRefusal(await knat(flows, { input }), 2, 'flows[1]: destPort: 70000 is no port');
  expectRefusal(await knat(flows, { input: '{}' }), 2, 'no list');
  expectRefusal(await knat(flows, { input: '[' }), 2, 'standard input is no JSON');
  writeFileSync(join(folder, 'n2.yaml'), NODE.replace('n1', 'n2'));
  const packet = ['explain', ...source, '--from', '10.1.1.1', '--to', '10.96.0.10:80'];
  expectRefusal(await knat(packet), 2, '2 Nodes (n1, n2)', '--node');
  expect((await knat([...packet, '--node', 'n2'])).output).toContain('seen on node n2');
});

const withoutRights = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'];

/** Runs a command in a new mount namespace, after these mounts. */
function mounted(...mounts: (readonly [from: string, over: string])[]): string[] {
  const script = mounts.map(([from, over]) => `mount --bind "${from}" "${over}" && `).join('');
  return ['unshare', '--mount', 'sh', '-c', `${script}exec "$@"`, 'sh'];
}

test('no rights: status 3, and existing rules stay', async () => {
  await knat(once);
  const before = listRuleset();
  for (const command of [once, ['agent', ...once.slice(1, 5), '--dry-run'], ['cleanup']]) {
    const ended = await knat(command, { through: withoutRights });
    expectRefusal(ended, 3, 'KNAT_KERNEL_DENIED', 'CAP_NET_ADMIN');
  }
  expect(listRuleset()).toBe(before);
  const status = await knat(['status'], { through: withoutRights });
  expect(status.status).toBe(4);
  expect(status.output).toContain('CAP_NET_ADMIN');
  // Explaining from manifests needs no rights at all.
  const packet = ['explain', ...once.slice(1, 5), '--from', '10.1.1.1', '--to', '10.96.0.10:80'];
  expect(await knat(packet, { through: withoutRights })).toMatchObject({ status: 0, errors: '' });
});

test('a folder without the right to read it: status 2; it does not count as empty', async () => {
  await knat(once);
  const before = listRuleset();
  const nobody = 65534;
  chownSync(folder, nobody, nobody);
  chmodSync(folder, 0o700);
  const through = ['setpriv', '--bounding-set', '-all,+net_admin', '--inh-caps', '-all'];
  expectRefusal(await knat(once, { through }), 2, 'may not be read', 'KNAT_FOLDER_UNREADABLE');
  expect(listRuleset()).toBe(before);
});

test('no nft program: the agent needs none', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const through = mounted([empty, '/usr/sbin']);
  expect(await knat(once, { through })).toMatchObject({ status: 0 });
  expect((await knat(['version'], { through })).output).toContain('nft (not installed)');
  expect(listRuleset()).toContain('table ip knat');
});

test('a node name that no Node has is reported', async () => {
  const ended = await knat(once.map((arg) => (arg === 'n1' ? 'n3' : arg)));
  expect(complaints(ended)).toEqual([expect.stringContaining('is --node right?')]);
});

test('--log-level debug shows the stack', async () => {
  const ended = await knat([
    'explain',
    '--source',
    'dir:/nowhere',
    '--from',
    '10.1.1.1',
    '--to',
    '1.1.1.1:80',
    '--log-level',
    'debug',
  ]);
  expect(ended.status).toBe(2);
  expect(ended.errors).toMatch(/^ {4}at /m);
});
