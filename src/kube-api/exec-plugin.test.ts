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
function plugin(status: object, rest: Partial<ExecConfig> = {}): ExecPlugin {
  const script = `require('fs').appendFileSync(${JSON.stringify(runs)}, process.env.KUBERNETES_EXEC_INFO + '\\n');
    console.log(process.env.ANSWER);`;
  const env = [{ name: 'ANSWER', value: JSON.stringify({ status }) }];
  const config = { command: process.execPath, args: ['-e', script], env, ...rest };
  const cluster = { name: 'c', server: 'https://192.0.2.1:6443', skipTLSVerify: false, caData: 'Y2E=' };
  return new ExecPlugin(config, cluster);
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

test('the program is told what it is for, and of the cluster where it asks to be', async () => {
  await plugin({ token: 'x' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }).credential(NOW);
  await plugin({ token: 'x' }, { provideClusterInfo: true }).credential(NOW);
  const [plain, told] = questions().map((line) => JSON.parse(line));
  expect(plain).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    kind: 'ExecCredential',
    spec: { interactive: false },
  });
  expect(told.spec.cluster).toMatchObject({
    server: 'https://192.0.2.1:6443',
    'certificate-authority-data': 'Y2E=',
  });
});

test('what fails is told, and asked again', async () => {
  const installHint = 'install it';
  const absent = new ExecPlugin({ command: '/nonexistent/plugin', installHint }, null);
  await expect(absent.credential(NOW)).rejects.toThrow(/ENOENT; install it/);
  const empty = plugin({});
  await expect(empty.credential(NOW)).rejects.toThrow('gave neither a token nor a certificate');
  await expect(empty.credential(NOW)).rejects.toThrow('gave neither a token nor a certificate');
  expect(questions()).toHaveLength(2);
});
