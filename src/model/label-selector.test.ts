import { expect, test } from 'vitest';
import { selects } from './label-selector.ts';

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
  '%s is no label that everything has',
  (key) => {
    const requirement = (operator: 'Exists' | 'DoesNotExist') => ({
      matchLabels: {},
      matchExpressions: [{ key, operator, values: [] }],
    });
    expect(selects(requirement('Exists'), {})).toBe(false);
    expect(selects(requirement('DoesNotExist'), {})).toBe(true);
    const labels = JSON.parse(`{"${key}": "x"}`) as Record<string, string>;
    expect(selects(requirement('Exists'), labels)).toBe(true);
    expect(selects({ matchLabels: labels, matchExpressions: [] }, {})).toBe(false);
    expect(selects({ matchLabels: labels, matchExpressions: [] }, labels)).toBe(true);
  },
);
