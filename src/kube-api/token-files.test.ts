import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tokenFilesOf } from './token-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'knat-token-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

function config(name: string, users: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ users }));
  return path;
}

const filesOf = (kubeconfig: string | undefined, KUBECONFIG?: string) =>
  Object.fromEntries(
    tokenFilesOf(
      { environment: { KUBECONFIG }, ...(kubeconfig === undefined ? {} : { kubeconfig }) },
      JSON.parse,
    ),
  );

test('paths are relative to their kubeconfig; other users have none', () => {
  const path = config('one', [
    { name: 'a', user: { tokenFile: 'token' } },
    { name: 'b', user: { tokenFile: '/run/token' } },
    { name: 'c', user: { token: 'x' } },
  ]);
  expect(filesOf(path)).toEqual({ a: join(folder, 'token'), b: '/run/token' });
});

test('of several files the first that has the user counts', () => {
  const first = config('first', [{ name: 'a', user: { token: 'x' } }]);
  const second = config('second', [
    { name: 'a', user: { tokenFile: '/second' } },
    { name: 'b', user: { tokenFile: '/second' } },
  ]);
  expect(filesOf(undefined, `${first}:${second}`)).toEqual({ b: '/second' });
});

test('what is no kubeconfig has none', () => {
  for (const users of [null, 'x', [null, 'x', { name: 7 }, { name: 'a' }, { name: 'b', user: null }]]) {
    expect(filesOf(config('odd', users))).toEqual({});
  }
  writeFileSync(join(folder, 'broken'), '{');
  expect(filesOf(join(folder, 'broken'))).toEqual({});
  expect(filesOf(join(folder, 'absent'))).toEqual({});
});
