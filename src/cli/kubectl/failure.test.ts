import { expect, test } from 'vitest';
import { isLastWord, kubectlFailure } from './failure.ts';

// What kubectl 1.35 prints.
const DENIED =
  'Error from server (Forbidden): pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope';
const DENIED_EXEC =
  'Error from server (Forbidden): pods "knat-x" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "kube-system"';
const UNREACHABLE = `E0131 15:04:05.000000   12345 memcache.go:265] "Unhandled Error" err="couldn't get current server API group list"
The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?
`;

test.each([
  [
    DENIED,
    'KNAT_KUBECTL_DENIED',
    /^\(Forbidden\): pods is forbidden/,
    /the verb list on pods in all namespaces/,
  ],
  [
    DENIED_EXEC,
    'KNAT_KUBECTL_DENIED',
    /pods "knat-x"/,
    /get and create on pods\/exec in namespace kube-system/,
  ],
  [UNREACHABLE, 'KNAT_KUBECTL_FAILED', /^kubectl: The connection to the server 127/, /^$/],
  ['', 'KNAT_KUBECTL_FAILED', /it said nothing/, /^$/],
  [
    `error: the server doesn't have a resource type "nodenats"`,
    'KNAT_KUBECTL_FAILED',
    /has no NodeNAT objects/,
    /charts\/knat\/crds/,
  ],
])('%j', (words, code, message, details) => {
  const failure = kubectlFailure(words);
  expect(failure.code).toBe(code);
  expect(failure.message).toMatch(message);
  expect(failure.details.join('\n')).toMatch(details);
});

test('errors of kubectl are distinguished from errors of knat in the Pod', () => {
  expect(isLastWord('command terminated with exit code 4')).toBe(true);
  expect(isLastWord('error: unable to upgrade connection: container not found')).toBe(true);
  expect(isLastWord(DENIED_EXEC)).toBe(true);
  expect(isLastWord('knat: no knat agent runs in this network namespace (KNAT_AGENT_NOT_RUNNING)')).toBe(
    false,
  );
});
