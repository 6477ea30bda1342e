import { expect, test } from 'vitest';
import { egressRuleSpec } from '../../crds/egress-rule.ts';
import type { JsonSchema } from '../../crds/field.ts';
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

test('every field of the definition is known', () => {
  expect(unknownIn(problemsOf(filled(egressRuleSpec.schema)))).toEqual([]);
  const strange = filled({ ...egressRuleSpec.schema, properties: { strange: egressRuleSpec.schema } });
  expect(unknownIn(problemsOf(strange))).not.toEqual([]);
});

/** A value with all fields of the schema, which need not be allowed values. */
function filled({ type, properties = {}, items }: JsonSchema): unknown {
  if (type === 'array') return items === undefined ? [] : [filled(items)];
  if (type !== 'object') return null;
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, filled(schema)]));
}

function unknownIn(problems: readonly string[]): string[] {
  return problems.filter((problem) => problem.startsWith('KNAT_FIELD_UNKNOWN'));
}

test('the probable field is named, and a thousand unknown fields are five problems', () => {
  expect(problemsOf({ action: 'Keep', priorty: 3 })[0]).toMatch(/did you mean priority\?$/);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`.repeat(1000), 1]));
  const problems = problemsOf({ action: 'Keep', ...many });
  expect(problems).toHaveLength(5);
  expect(Math.max(...problems.map(({ length }) => length))).toBeLessThan(300);
});
