import type { LabelRequirement, LabelSelector } from '../../model/label-selector.ts';

/** A label key: an optional DNS subdomain with `/`, then a name. */
const KEY = '(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const VALUE = '(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?';
const EQUALITY = new RegExp(`^(${KEY})\\s*(==?|!=)\\s*(${VALUE})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s+\\(\\s*(${VALUE}(?:\\s*,\\s*${VALUE})*)\\s*\\)$`);
const EXISTENCE = new RegExp(`^(!?)\\s*(${KEY})$`);

/**
 * A label selector as kubectl takes it: `a=b,c!=d,e in (f,g),h notin (i),j,!k`
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/). `wrong`: the first part that is invalid.
 */
export function parseSelectorText(text: string): LabelSelector | { readonly wrong: string } {
  const matchExpressions: LabelRequirement[] = [];
  for (const part of text.split(/,(?![^(]*\))/).map((each) => each.trim())) {
    const requirement = parseRequirement(part);
    if (requirement === null) return { wrong: part };
    matchExpressions.push(requirement);
  }
  return { matchLabels: {}, matchExpressions };
}

function parseRequirement(text: string): LabelRequirement | null {
  const equality = EQUALITY.exec(text);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality;
    return { key, operator: operator === '!=' ? 'NotIn' : 'In', values: [value] };
  }
  const set = SET.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return { key, operator: operator === 'in' ? 'In' : 'NotIn', values };
  }
  const existence = EXISTENCE.exec(text);
  if (existence === null) return null;
  const [, not, key = ''] = existence;
  return { key, operator: not === '!' ? 'DoesNotExist' : 'Exists', values: [] };
}
