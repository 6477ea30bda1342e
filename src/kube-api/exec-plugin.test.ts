import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type ExecConfig, ExecPlugin } from './exec-plugin.ts';

const folder = mkdtempSync(join(tmpdir(), 'knat-plugin-'));
const runs = join(folder, 'runs');
const NOW = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => writeFileSync(runs, ''));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that notes what it is told, and prints the credential. */
function plugin(status: object, rest: Partial<ExecConfig> = {}, answer: object = {}): ExecPlugin {
  const script = `require('fs').appendFileSync(${JSON.stringify(runs)}, process.env.KUBERNETES_EXEC_INFO + '\\n');
    console.log(process.env.ANSWER);`;
  return pluginOf({
    command: process.execPath,
    args: ['-e', script],
    env: { ANSWER: JSON.stringify({ status, ...answer }) },
    ...rest,
  });
}

function pluginOf(config: Partial<ExecConfig>, isTerminal = false): ExecPlugin {
  const plain = { apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'IfAvailable' as const };
  const asked = { ...plain, command: '', args: [], env: {}, installHint: '', provideClusterInfo: false };
  const cluster = async () => ({ server: 'https://192.0.2.1:6443' });
  return new ExecPlugin({ ...asked, ...config }, { environment: process.env, isTerminal, cluster });
}

const questions = () => readFileSync(runs, 'utf8').trim().split('\n').filter(Boolean);

test('many that wait are answered by one run, and later ones by the same', async () => {
  const asked = plugin({ token: 'one' });
  const all = await Promise.all(Array.from({ length: 5 }, () => asked.credential(NOW)));
  expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['one']));
  expect((await asked.credential(NOW + 10 ** 9)).token).toBe('one');
  expect(questions()).toHaveLength(1);
});

test('a credential is not used up to its very end', async () => {
  const asked = plugin({ token: 'short', expirationTimestamp: '2026-01-01T00:01:00Z' });
  for (const at of [0, 49_000, 51_000]) await asked.credential(NOW + at);
  expect(questions()).toHaveLength(2);
});

test('the program gets its purpose, and the cluster if it asks for it', async () => {
  await plugin({ token: 'x' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }).credential(NOW);
  await plugin({ token: 'x' }, { provideClusterInfo: true }).credential(NOW);
  const [plain, withCluster] = questions().map((line) => JSON.parse(line));
  expect(plain).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    kind: 'ExecCredential',
    spec: { interactive: false },
  });
  expect(withCluster.spec.cluster).toEqual({ server: 'https://192.0.2.1:6443' });
});

test('a failure is reported, and the program is run again', async () => {
  const absent = pluginOf({ command: '/nonexistent/plugin', installHint: 'install it' });
  await expect(absent.credential(NOW)).rejects.toThrow(/ENOENT; install it/);
  const empty = plugin({});
  await expect(empty.credential(NOW)).rejects.toThrow('gave neither a token nor a certificate');
  await expect(empty.credential(NOW)).rejects.toThrow('gave neither a token nor a certificate');
  expect(questions()).toHaveLength(2);
});

test.each([
  [{ token: '' }, 'gave neither a token nor a certificate'],
  [{ clientCertificateData: 'a' }, 'a certificate without its key'],
  [{ token: 'x', clientKeyData: 'a' }, 'a key without its certificate'],
])('%j is no credential', async (status, message) => {
  await expect(plugin(status).credential(NOW)).rejects.toThrow(message);
});

test('an answer of another version is refused', async () => {
  const apiVersion = 'client.authentication.k8s.io/v1beta1';
  await expect(plugin({ token: 'x' }, {}, { apiVersion }).credential(NOW)).rejects.toThrow(
    /was asked for .*\/v1 and answered in .*\/v1beta1/,
  );
});

test('a program that has to ask a person is not run without a terminal', async () => {
  const asking = plugin({ token: 'x' }, { interactiveMode: 'Always' });
  await expect(asking.credential(NOW)).rejects.toThrow('there is no terminal');
  expect(questions()).toHaveLength(0);
});

test.each(['Never', 'IfAvailable', 'Always'] as const)('in a terminal, mode %s', async (interactiveMode) => {
  const script = 'console.log(JSON.stringify({ status: { token: process.env.KUBERNETES_EXEC_INFO } }))';
  const inTerminal = pluginOf({ command: process.execPath, args: ['-e', script], interactiveMode }, true);
  const { token = '' } = await inTerminal.credential(NOW);
  expect(JSON.parse(token).spec.interactive).toBe(interactiveMode !== 'Never');
});

test('errors of the program are reported', async () => {
  const script = "console.error('no such account'); process.exit(3)";
  const failing = pluginOf({ command: process.execPath, args: ['-e', script] });
  await expect(failing.credential(NOW)).rejects.toThrow('ended with status 3: no such account');
});

test('a program that never stops printing is ended', async () => {
  const script = "const more = () => process.stdout.write('x'.repeat(65536), more); more()";
  const endless = pluginOf({ command: process.execPath, args: ['-e', script] });
  await expect(endless.credential(NOW)).rejects.toThrow('printed more than 1048576 bytes');
});
