import { expect, test } from 'vitest';
import { KubeconfigEntry } from './kubeconfig-entry.ts';
import { authorizationOf, readUser } from './kubeconfig-user.ts';

const read = (fields: object) => readUser(new KubeconfigEntry('the user "u"', { ...fields }, '/etc/kube'));
const exec = (fields: object) => ({ exec: { command: 'plugin', ...fields } });

test('paths, texts in base64, and the header of each kind of credential', async () => {
  const user = read({ 'client-certificate': 'a.crt', 'client-key-data': ' a2V5\n' });
  expect(user.certificate).toEqual({ data: null, path: '/etc/kube/a.crt' });
  expect(user.key.data?.toString()).toBe('key');
  expect(await authorizationOf(user)).toBe(undefined);
  expect(await authorizationOf(read({ token: 't' }))).toBe('Bearer t');
  expect(await authorizationOf(read({ username: 'a', password: 'b:ü' }))).toBe(
    `Basic ${Buffer.from('a:b:ü').toString('base64')}`,
  );
});

test('impersonation: user, uid, groups, and extra whose keys are escaped', () => {
  const { impersonation } = read({
    as: 'jane',
    'as-uid': '7',
    'as-groups': ['a', 'b'],
    'as-user-extra': { 'example.org/Scope': ['x', 'y'], 'a%ü': ['z'], none: [] },
  });
  expect(impersonation).toEqual({
    'Impersonate-User': 'jane',
    'Impersonate-Uid': '7',
    'Impersonate-Group': ['a', 'b'],
    'Impersonate-Extra-example.org%2FScope': ['x', 'y'],
    'Impersonate-Extra-a%25%C3%BC': ['z'],
  });
});

test('a program: its fields and their defaults', () => {
  const apiVersion = 'client.authentication.k8s.io/v1beta1';
  const env = [{ name: 'A', value: 'b' }, { name: 'C' }];
  const full = {
    apiVersion,
    args: ['x'],
    env,
    installHint: 'h',
    interactiveMode: 'Never',
    provideClusterInfo: true,
  };
  expect(read(exec(full)).exec).toEqual({ ...full, command: 'plugin', env: { A: 'b', C: '' } });
  expect(read(exec({ command: './bin/plugin', env: null })).exec).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    command: '/etc/kube/bin/plugin',
    args: [],
    env: {},
    installHint: '',
    interactiveMode: 'IfAvailable',
    provideClusterInfo: false,
  });
});

test.each<[object, string]>([
  [{ token: 7 }, '"token" of the user "u" must be text'],
  [{ 'as-groups': 'a' }, '"as-groups" of the user "u" must be a list of texts'],
  [{ 'client-key-data': '%' }, '"client-key-data" of the user "u" must be base64'],
  [{ exec: 'plugin' }, '"exec" of the user "u" must be an object'],
  [{ token: 'a', username: 'b' }, 'only one of them can be used'],
  [{ 'client-certificate': 'a' }, 'a client certificate without its key'],
  [{ 'client-key': 'a' }, 'a key without its certificate'],
  [{ 'as-groups': ['a'] }, 'without "as"'],
  [{ 'as-uid': 'a' }, 'without "as"'],
  [exec({ command: '' }), 'has no "command"'],
  [
    exec({ apiVersion: 'client.authentication.k8s.io/v1alpha1' }),
    'asks for client.authentication.k8s.io/v1alpha1',
  ],
  [exec({ interactiveMode: 'Sometimes' }), 'other than Never, IfAvailable, Always'],
  [exec({ env: [{ value: 'x' }] }), 'has a variable without "name"'],
  [exec({ provideClusterInfo: 'yes' }), 'must be true or false'],
])('%j is refused', (fields, message) => {
  expect(() => read(fields)).toThrow(message);
});

test.each(['oidc', 'gcp', 'azure'])('the auth-provider %s is refused, with the way out', (name) => {
  expect(() => read({ 'auth-provider': { name, config: {} } })).toThrow(
    new RegExp(`the user "u" has the auth-provider "${name}", which knat does not know: use an exec plugin`),
  );
});
