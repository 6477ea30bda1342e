import { readFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import { AccessError } from './access.ts';
import { type ExecConfig, readExec } from './exec-plugin.ts';
import type { KubeconfigEntry, Pem } from './kubeconfig-entry.ts';

export interface KubeconfigUser {
  readonly token: string;
  /** Absolute path; takes precedence over `token`, and the content may change. Empty: none. */
  readonly tokenFile: string;
  readonly username: string;
  readonly password: string;
  readonly certificate: Pem;
  readonly key: Pem;
  readonly exec: ExecConfig | null;
  /** Headers that ask the server to act as another user. */
  readonly impersonation: OutgoingHttpHeaders;
}

const EXEC_HELP =
  'use an exec plugin (kubectl: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins), a token or a client certificate instead';

/** By kubectl's rules. Throws AccessError for unusable values. */
export function readUser(entry: KubeconfigEntry): KubeconfigUser {
  const refuse = (why: string): never => {
    throw new AccessError(`the kubeconfig cannot be used: ${entry.title} ${why}`);
  };
  const provider = entry.part('auth-provider');
  if (provider !== null) {
    refuse(`has the auth-provider "${provider.text('name')}", which knat does not know: ${EXEC_HELP}`);
  }
  const exec = entry.part('exec');
  const user = {
    token: entry.text('token'),
    tokenFile: entry.path('tokenFile'),
    username: entry.text('username'),
    password: entry.text('password'),
    certificate: entry.pem('client-certificate'),
    key: entry.pem('client-key'),
    exec: exec === null ? null : readExec(exec),
    impersonation: readImpersonation(entry, refuse),
  };
  const hasToken = user.token !== '' || user.tokenFile !== '';
  if (hasToken && (user.username !== '' || user.password !== '')) {
    refuse('has a token and a name with password: only one of them can be used');
  }
  if (isThere(user.certificate) !== isThere(user.key)) {
    refuse('has a client certificate without its key, or a key without its certificate');
  }
  return user;
}

function isThere({ data, path }: Pem): boolean {
  return data !== null || path !== '';
}

/**
 * The headers of https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation. A key of
 * `as-user-extra` becomes part of a header's name: other bytes are escaped with `%`.
 */
function readImpersonation(entry: KubeconfigEntry, refuse: (why: string) => never): OutgoingHttpHeaders {
  const [user, uid, groups] = [entry.text('as'), entry.text('as-uid'), entry.texts('as-groups')];
  const extra = entry.part('as-user-extra');
  const headers: OutgoingHttpHeaders = {};
  if (user !== '') headers['Impersonate-User'] = user;
  if (uid !== '') headers['Impersonate-Uid'] = uid;
  if (groups.length > 0) headers['Impersonate-Group'] = groups;
  for (const key of extra?.keys() ?? []) {
    const values = extra?.texts(key) ?? [];
    if (values.length > 0) headers[`Impersonate-Extra-${escapedKey(key)}`] = values;
  }
  if (user === '' && Object.keys(headers).length > 0)
    refuse('has as-uid, as-groups or as-user-extra without "as"');
  return headers;
}

function escapedKey(key: string): string {
  const bytes = [...Buffer.from(key)].map((byte) => {
    const character = String.fromCharCode(byte);
    const isLegal = /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(character);
    return isLegal ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return bytes.join('');
}

/** `Authorization` without a program; undefined: none. The token file is preferred while it can be read. */
export async function authorizationOf(user: KubeconfigUser): Promise<string | undefined> {
  const { token, tokenFile, username, password } = user;
  if (tokenFile !== '') {
    const read = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
      if (token === '') throw error;
      return token;
    });
    return `Bearer ${read.trim()}`;
  }
  if (token !== '') return `Bearer ${token}`;
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
