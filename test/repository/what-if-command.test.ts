import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCommand } from './command.ts';

/** What `knat what-if` says about its options; the change itself has its tests in src/agent/change-set.test.ts. */

const demo = ['what-if', '--source', 'dir:examples/demo'];
const change = ['-f', 'examples/what-if/change.yaml'];

test('the example of docs/what-if.md prints what stands there', async () => {
  const [, block = ''] =
    /^ {4}\$ knat what-if .*\n((?: {4}.*\n)+)/m.exec(readFileSync('docs/what-if.md', 'utf8')) ?? [];
  const { output } = await runCommand([...demo, '--node', 'node1', ...change]);
  expect(block.replaceAll(/^ {4}/gm, '').trimEnd()).toBe(output.trimEnd());
});

test('a node that the source does not have is named; one that the change adds is not', async () => {
  const absent = 'warning: dir:examples/demo has no Node node3: the answer is that of a node without Pods\n';
  expect(await runCommand([...demo, '--node', 'node3', ...change])).toMatchObject({
    errors: absent,
    status: 0,
  });
  const added = '{apiVersion: v1, kind: Node, metadata: {name: node3}}';
  const { errors } = await runCommand([...demo, '--node', 'node3', '-f', '-'], {}, added);
  expect(errors).toBe('');
  const recorded = ['--record', '/proc/knat/cannot-be-written.yaml'];
  const verify = await runCommand([
    'verify',
    '--source',
    'dir:examples/demo',
    '--node',
    'node3',
    ...recorded,
  ]);
  expect(verify.errors).toContain(absent);
});

test('standard input is read once', async () => {
  const refusal = /standard input can be read once/;
  for (const second of [
    ['-f', '-'],
    ['--expectations', '-'],
  ]) {
    const { status, errors } = await runCommand([...demo, '--node', 'node1', '-f', '-', ...second]);
    expect(status).toBe(2);
    expect(errors).toMatch(refusal);
  }
});

test('standard input without any object is no change', async () => {
  const { status, output, errors } = await runCommand([...demo, '--node', 'node1', '-f', '-'], {}, '');
  expect({ status, output }).toEqual({ status: 2, output: '' });
  expect(errors).toContain('no object is in standard input');
});

test('an object of the change that has a problem: status 1 with --strict, which goes before --exit-code', async () => {
  const broken =
    '{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: p}, spec: {cidr: 10.300.0.0/16}}';
  const words = [...demo, '--node', 'node1', '-f', '-', '--exit-code'];
  expect(await runCommand(words, {}, broken)).toMatchObject({ status: 0 });
  const { status, output, errors } = await runCommand([...words, '--strict'], {}, broken);
  expect(status).toBe(1);
  expect(output).not.toBe('');
  expect(errors).toContain('the objects have one problem');
  expect(await runCommand([...demo, '--node', 'node1', ...change, '--exit-code', '--strict'])).toMatchObject({
    status: 2,
  });
});
