import { describe, expect, test } from 'vitest';
import { splitArguments, whoseAgent } from './arguments.ts';

describe('splitArguments', () => {
  test.each<[string, object]>([
    ['status', { command: 'status', kubectl: [], rest: [], node: null }],
    ['status --node a', { command: 'status', node: 'a', rest: [] }],
    ['--node=a status', { command: 'status', node: 'a', rest: [] }],
    ['--context prod --as=me status', { kubectl: ['--context=prod', '--as=me'], command: 'status' }],
    ['status -s https://a:1 -v6', { kubectl: ['-s=https://a:1', '-v=6'], rest: [] }],
    ['status --insecure-skip-tls-verify', { kubectl: ['--insecure-skip-tls-verify'], rest: [] }],
    ['flows -n shop --pod web-0 --watch', { namespace: 'shop', pod: 'web-0', rest: ['--watch'] }],
    ['flows -nshop', { namespace: 'shop', rest: [] }],
    ['flows -n=shop -l a=b', { namespace: 'shop', selector: 'a=b', rest: [] }],
    ['status -o json --agent-namespace x', { agentNamespace: 'x', rest: ['-o', 'json'] }],
    ['status -ojson', { rest: ['-ojson'] }],
    ['explain --flows -', { command: 'explain', rest: ['--flows', '-'] }],
    ['entries web --kind frontend', { command: 'entries', rest: ['web', '--kind', 'frontend'] }],
    ['entries -- --node a', { command: 'entries', node: null, rest: ['--', '--node', 'a'] }],
    ['explain --help', { command: 'explain', help: true }],
    ['--version', { command: null, version: true }],
  ])('%s', (line, expected) => {
    expect(splitArguments(line.split(' '))).toMatchObject(expected);
  });

  test.each([['--node'], ['-n'], ['--context'], ['--node=']])('%s without a value is refused', (word) => {
    expect(() => splitArguments(['status', word])).toThrow('needs a value');
  });
});

/** With the packet of the line, which the command's own options say in the program. */
function whoseOf(line: string) {
  const from = /--from[ =](\S+)/.exec(line)?.[1];
  const to = /--to[ =](\S+)/.exec(line)?.[1];
  return whoseAgent(splitArguments(line.split(' ')), { from, to });
}

describe('whoseAgent', () => {
  test.each<[string, object]>([
    ['status', { kind: 'only' }],
    ['status --node a', { kind: 'node', name: 'a' }],
    ['status --pod shop/web', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['status --pod web', { kind: 'pod', namespace: null, name: 'web' }],
    ['status --pod web -n shop', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['status --pod pod/shop/web', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['explain --from pod/shop/web --to 1.2.3.4', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['explain --from=pod/shop/web:80 --to node/b', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['explain --from node/a --to node/b', { kind: 'node', name: 'a' }],
    ['explain --from 1.2.3.4 --to node/b:25', { kind: 'node', name: 'b' }],
    ['explain --from 1.2.3.4 --to pod/shop/web', { kind: 'only' }],
    ['trace --from pod/shop/web --to svc/shop/db', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['explain --from pod/shop/web --node a', { kind: 'node', name: 'a' }],
    ['flows --pod shop/web --node a', { kind: 'node', name: 'a' }],
    ['entries --from pod/shop/web', { kind: 'only' }],
  ])('%s', (line, expected) => {
    expect(whoseOf(line)).toEqual(expected);
  });

  test.each([
    ['status --pod shop/web --node a', '--node and --pod both select'],
    ['status --pod a/b/c', '"a/b/c" is no Pod'],
    ['status --pod a/', '"a/" is no Pod'],
  ])('%s is refused', (line, message) => {
    expect(() => whoseOf(line)).toThrow(message);
  });
});
