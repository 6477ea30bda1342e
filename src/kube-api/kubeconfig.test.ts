import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { AccessOptions } from './access.ts';
import { chooseContext, loadKubeconfig } from './kubeconfig.ts';

/** Which files are read, and what of them counts: kubectl's rules (k8s.io/client-go/tools/clientcmd/loader.go). */

const folder = mkdtempSync(join(tmpdir(), 'knat-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const load = (options: Partial<AccessOptions>) =>
  loadKubeconfig({ environment: {}, ...options }, (text) => parse(text));

const one = file(
  'one',
  `apiVersion: v1
kind: Config
clusters:
- {name: c, cluster: {server: "https://one", certificate-authority: ca.crt}}
contexts:
- {name: first, context: {cluster: c, user: u}}
users:
- {name: u, user: {token: one}}
`,
);
mkdirSync(join(folder, 'below'));
const two = file(
  'below/two',
  `current-context: second
clusters:
- {name: c, cluster: {server: "https://two"}}
- {name: d, cluster: {server: "https://two", certificate-authority: ca.crt}}
contexts:
- {name: first, context: {cluster: d}}
- {name: second, context: {cluster: d, user: u}}
users:
- {name: u, user: {token: two}}
`,
);

test('of several files the first that has a name counts, and the first that has a current context', () => {
  const config = load({ environment: { KUBECONFIG: `${one}::${two}` } });
  expect(config.currentContext).toBe('second');
  const { cluster, user } = chooseContext(config, undefined);
  expect([cluster.text('server'), user?.text('token')]).toEqual(['https://two', 'one']);
  expect(chooseContext(config, 'first').cluster.text('server')).toBe('https://one');
});

test('a path is relative to the file that it stands in', () => {
  const config = load({ environment: { KUBECONFIG: `${one}:${two}` } });
  const pathOf = (name: string) => config.clusters.get(name)?.path('certificate-authority');
  expect([pathOf('c'), pathOf('d')]).toEqual([join(folder, 'ca.crt'), join(folder, 'below/ca.crt')]);
});

test('the named file is read alone, else that of the home', () => {
  const environment = { KUBECONFIG: two, HOME: folder };
  expect([...load({ kubeconfig: one, environment }).contexts.keys()]).toEqual(['first']);
  mkdirSync(join(folder, '.kube'));
  file('.kube/config', 'current-context: home');
  expect(load({ environment: { HOME: folder } }).currentContext).toBe('home');
});

test('a file of the list may be missing, but not all of them, and not the named one', () => {
  expect(load({ environment: { KUBECONFIG: `/nonexistent/a:${one}` } }).contexts.size).toBe(1);
  expect(() => load({ environment: { KUBECONFIG: '/nonexistent/a:/nonexistent/b' } })).toThrow(
    'no file of /nonexistent/a, /nonexistent/b exists',
  );
  expect(() => load({ kubeconfig: '/nonexistent/a' })).toThrow('/nonexistent/a cannot be used: ENOENT');
});

test.each([
  ['a: [', /broken cannot be used/],
  ['[]', 'it is no object'],
  ['kind: Pod', 'its kind is "Pod", not Config'],
])('%j is no kubeconfig', (text, message) => {
  expect(() => load({ kubeconfig: file('broken', text) })).toThrow(message);
  // One that cannot be read stops the others too: it may hold what was meant.
  expect(() => load({ environment: { KUBECONFIG: `${one}:${join(folder, 'broken')}` } })).toThrow(message);
});

test('entries without a name, and entries that are none, are passed over', () => {
  const odd = file(
    'odd',
    'users: [null, x, {user: {token: x}}, {name: 7}, {name: a}, {name: b, user: null}]',
  );
  expect([...load({ kubeconfig: odd }).users.keys()]).toEqual(['a', 'b']);
  expect(load({ kubeconfig: file('empty', '') }).contexts.size).toBe(0);
});

const context = (text: string) =>
  `clusters: [{name: c, cluster: {}}]\ncontexts: [{name: x, context: ${text}}]\ncurrent-context: x`;

test.each([
  ['contexts: []', 'has no current context: name one; it has none'],
  ['current-context: x\ncontexts: [{name: a}, {name: b}]', 'has no context "x": it has a, b'],
  [context('{cluster: d}'), 'the context "x" of the kubeconfig names a cluster that is not in it'],
  [context('{cluster: c, user: u}'), 'the context "x" of the kubeconfig names a user that is not in it'],
])('%j: no cluster can be asked', (text, message) => {
  expect(() => chooseContext(load({ kubeconfig: file('context', text) }), undefined)).toThrow(message);
});

test('a context without a user asks without credentials', () => {
  const config = load({ kubeconfig: file('nobody', context('{cluster: c}')) });
  expect(chooseContext(config, undefined).user).toBe(null);
});
