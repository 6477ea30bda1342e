import { expect, test } from 'vitest';
import { askProcess } from './past-process.ts';

const shell = (script: string) => askProcess(() => ['/bin/sh', '-c', script]);
const question = { address: null, port: null, object: null } as never;
const limit = { code: 'KNAT_HISTORY_LIMIT' };

test('an answer is passed on', async () => {
  const ask = shell(`cat > /dev/null; printf '{"ok": true, "value": ["an entry"]}'`);
  expect(await ask('history', '/nowhere', question)).toEqual(['an entry']);
});

test.each([
  ['before its answer', 'kill -9 $$'],
  ['within its answer', `printf '{"ok": true, '; kill -9 $$`],
  ['with a failure', 'exit 134'],
])('a process that ends %s: the past is not told, and the next question is', async (_, script) => {
  let isFirst = true;
  const ask = askProcess(() => {
    const words = isFirst ? script : `printf '{"ok": true, "value": []}'`;
    isFirst = false;
    return ['/bin/sh', '-c', words];
  });
  await expect(ask('history', '/nowhere', question)).rejects.toMatchObject(limit);
  expect(await ask('history', '/nowhere', question)).toEqual([]);
});

test('of many questions at once, eight wait; the others are told', async () => {
  const ask = shell(`cat > /dev/null; printf '{"ok": true, "value": []}'`);
  const all = await Promise.allSettled(
    Array.from({ length: 10 }, () => ask('history', '/nowhere', question)),
  );
  expect(all.map(({ status }) => status)).toEqual([
    ...Array<string>(8).fill('fulfilled'),
    'rejected',
    'rejected',
  ]);
});
