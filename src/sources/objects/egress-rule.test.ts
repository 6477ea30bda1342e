import { expect, test } from 'vitest';
import { parseEgressRule } from './egress-rule.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

function problemsOf(spec: unknown): string[] {
  const parsed = parseEgressRule({ metadata: { name: 'mail' }, spec }, context);
  return parsed.ok ? [] : parsed.problems.map(({ code, field, message }) => `${code} ${field}: ${message}`);
}

const selector = { matchLabels: { app: 'mail' } };

test.each([
  ['a selector beside `from`', { action: 'Keep', podSelector: selector }, 'spec.podSelector'],
  ['a selector of a word', { action: 'Keep', from: { podSelectors: selector } }, 'spec.from.podSelectors'],
  [
    'labels of a word',
    { action: 'Keep', from: { podSelector: { matchLabel: { app: 'mail' } } } },
    'spec.from.podSelector.matchLabel',
  ],
  [
    'ports of a word',
    { action: 'Keep', to: [{ cidr: '192.0.2.0/24', protocol: 'TCP', ports: [25] }] },
    'spec.to[0].ports',
  ],
])('%s is an error: ignored, the rule would match more', (_, spec, field) => {
  expect(problemsOf(spec)).toEqual([expect.stringContaining(`KNAT_FIELD_UNKNOWN ${field}: `)]);
});

test('all fields of the definition are known', () => {
  const from = { pools: ['pods'], namespaceSelector: selector, podSelector: selector };
  const to = [{ cidr: '192.0.2.0/24', protocol: 'TCP', port: 25, endPort: 26 }];
  const spec = {
    priority: 1,
    reason: 'r',
    from,
    to,
    action: 'Snat',
    addresses: ['203.0.113.7'],
    fallback: 'drop',
  };
  expect(problemsOf(spec)).toEqual([]);
});

test('what was meant is named, and a thousand unknown fields are five problems', () => {
  expect(problemsOf({ action: 'Keep', priorty: 3 })[0]).toMatch(/did you mean priority\?$/);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`.repeat(1000), 1]));
  const problems = problemsOf({ action: 'Keep', ...many });
  expect(problems).toHaveLength(5);
  expect(Math.max(...problems.map(({ length }) => length))).toBeLessThan(300);
});
