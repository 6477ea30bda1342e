import type { LabelRequirement, LabelSelector } from '../../model/label-selector.ts';
import type { Fields } from './fields.ts';
import type { ParseReport } from './parsed.ts';

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** The `metav1.LabelSelector` in the field; null when absent. */
export function readLabelSelector(parent: Fields, key: string, report: ParseReport): LabelSelector | null {
  if (!parent.has(key)) return null;
  const selector = parent.object(key);
  selector.knowsOnly('matchLabels', 'matchExpressions');
  return {
    matchLabels: selector.textMap('matchLabels'),
    matchExpressions: selector.objects('matchExpressions').map((entry) => readRequirement(entry, report)),
  };
}

function readRequirement(entry: Fields, report: ParseReport): LabelRequirement {
  entry.knowsOnly('key', 'operator', 'values');
  const key = entry.text('key');
  const known = entry.optionalWord('operator', OPERATORS);
  const values = entry.texts('values');
  if (key === '')
    report.error('KNAT_FIELD_REQUIRED', entry.path('key'), 'the label is missing: add its name');
  if (entry.text('operator') === '') {
    report.error('KNAT_FIELD_VALUE', entry.path('operator'), `add one of ${OPERATORS.join(', ')}`);
  }
  const needsValues = known === 'In' || known === 'NotIn';
  if (known !== null && needsValues !== values.length > 0) {
    const message = needsValues
      ? `${known} needs at least one value`
      : `${known} takes no values: remove them`;
    report.error('KNAT_FIELD_VALUE', entry.path('values'), message);
  }
  return { key, operator: known ?? 'Exists', values };
}
