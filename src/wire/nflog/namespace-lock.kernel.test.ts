import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { enterFreshNamespace, nft } from '../../../test/netns/namespace.ts';
import { NamespaceLock } from './namespace-lock.ts';

beforeAll(() => enterFreshNamespace());

function took(number?: number): NamespaceLock {
  const outcome = NamespaceLock.take(number);
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome;
}

test('one holds it, the next gets it when that one gives it up', () => {
  const first = took();
  expect(NamespaceLock.take()).toBe('held');
  nft('flush ruleset');
  expect(NamespaceLock.take()).toBe('held');
  first.release();
  first.release();
  const second = took();
  expect(NamespaceLock.take()).toBe('held');
  second.release();
});

const TAKE = `
import { NamespaceLock } from '${new URL('../../../dist/wire/nflog/namespace-lock.js', import.meta.url).pathname}';
const outcome = NamespaceLock.take();
console.log(typeof outcome === 'string' ? outcome : 'taken');
setInterval(() => {}, 1000);
`;

async function takeElsewhere(...through: readonly string[]) {
  const [program = '', ...words] = [...through, process.execPath, '--input-type=module', '-e', TAKE];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { outcome: line.trim(), kill };
}

test('a process that is killed gives it up at once', async () => {
  const other = await takeElsewhere();
  expect(other.outcome).toBe('taken');
  expect(NamespaceLock.take()).toBe('held');
  await other.kill();
  took().release();
});

test('a process without rights cannot take it, held or not, and does not keep others from it', async () => {
  const nobody = ['setpriv', '--reuid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
  const other = await takeElsewhere(...nobody);
  expect(other.outcome).toBe('denied');
  const mine = took();
  const another = await takeElsewhere(...nobody);
  expect(another.outcome).toBe('denied');
  mine.release();
  await Promise.all([other.kill(), another.kill()]);
});

test('of many that try at once, one has it', async () => {
  const others = await Promise.all(Array.from({ length: 6 }, () => takeElsewhere()));
  expect(others.map(({ outcome }) => outcome).sort()).toEqual([
    'held',
    'held',
    'held',
    'held',
    'held',
    'taken',
  ]);
  await Promise.all(others.map(({ kill }) => kill()));
});
