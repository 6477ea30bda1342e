import { expect, test } from 'vitest';
import type { NamedFacts } from './place.ts';
import { placesFrom } from './place-names.ts';

const keyed = (keys: readonly string[], value: object = {}) => new Map(keys.map((key) => [key, value]));
const facts = {
  pods: keyed(['mail/postfix-0', 'mail/postfix-1', 'shop/mail', 'shop/web-0']),
  services: keyed(['shop/db', 'shop/web'], {
    ports: [
      { name: 'http', port: 80 },
      { name: '', port: 443 },
      { name: 'http', port: 80 },
    ],
  }),
  nodes: keyed(['worker-1', 'worker-2', 'control']),
} as unknown as NamedFacts;

test.each([
  ['', ['pod/', 'svc/', 'node/']],
  ['p', ['pod/']],
  ['10.', []],
  ['pod/', ['pod/mail/', 'pod/shop/']],
  ['pod/sh', ['pod/shop/mail', 'pod/shop/web-0']],
  ['pod/shop/w', ['pod/shop/web-0']],
  ['pod/none/', []],
  ['svc/', ['svc/shop/db', 'svc/shop/web']],
  ['svc/shop/web:', ['svc/shop/web:http', 'svc/shop/web:443']],
  ['svc/shop/web:4', ['svc/shop/web:443']],
  ['svc/shop/none:', []],
  ['node/w', ['node/worker-1', 'node/worker-2']],
  ['thing/', []],
])('%j', (text, places) => {
  expect(placesFrom(text, facts, 10)).toEqual(places);
});

test('no more than the limit, of names and of namespaces', () => {
  const many = (namespaces: number) =>
    Array.from({ length: 1000 }, (_, index) => `n${index % namespaces}/p${index}`);
  const pods = (namespaces: number) => ({ ...facts, pods: keyed(many(namespaces)) }) as unknown as NamedFacts;
  expect(placesFrom('pod/', pods(1), 10)).toHaveLength(10);
  expect(placesFrom('pod/', pods(3), 10)).toEqual(['pod/n0/', 'pod/n1/', 'pod/n2/']);
  expect(placesFrom('pod/', pods(500), 10)).toHaveLength(10);
});
