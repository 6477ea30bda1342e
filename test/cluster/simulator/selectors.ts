import { involved } from './core-events.ts';
import { type ApiObject, objectAt, textAt } from './objects.ts';
import { ApiRefusal, failureStatus } from './status.ts';

export type Selector = (object: ApiObject) => boolean;

const EVERYTHING: Selector = () => true;

/** What a list or watch asks for: `labelSelector`, `fieldSelector` and the namespace of the path. */
export function selectorOf(query: URLSearchParams, namespace: string): Selector {
  const labels = labelSelector(query.get('labelSelector') ?? '');
  const fields = fieldSelector(query.get('fieldSelector') ?? '');
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

/** `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, with commas between them. */
export function labelSelector(text: string): Selector {
  const terms = text.split(/,(?![^(]*\))/).filter((term) => term.trim() !== '');
  if (terms.length === 0) return EVERYTHING;
  const checks = terms.map(labelTerm);
  return ({ metadata }) => checks.every((check) => check(metadata.labels ?? {}));
}

function labelTerm(term: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in');
  }
  const equality = /^\s*([^\s!=]+)\s*(==?|!=)\s*(\S*)\s*$/.exec(term);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const key = term.trim();
  if (key.startsWith('!')) return (labels) => !Object.hasOwn(labels, key.slice(1).trim());
  return (labels) => Object.hasOwn(labels, key);
}

/** Only the fields that the server knows for the kinds in question. */
export function fieldSelector(text: string): Selector {
  const terms = text.split(',').filter((term) => term !== '');
  if (terms.length === 0) return EVERYTHING;
  const checks = terms.map((term): Selector => {
    const [, field = '', operator, value] = /^([^!=]+)(==?|!=)(.*)$/.exec(term) ?? [];
    const read = FIELDS[field];
    if (read === undefined) {
      const message = `field label not supported: ${field}`;
      throw new ApiRefusal(400, failureStatus(400, 'BadRequest', message));
    }
    return (object) => (read(object) === value) === (operator !== '!=');
  });
  return (object) => checks.every((check) => check(object));
}

const FIELDS: Readonly<Record<string, (object: ApiObject) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
  'spec.nodeName': ({ spec }) => textAt(spec, 'nodeName'),
  'status.phase': ({ status }) => textAt(status, 'phase'),
  'involvedObject.name': (event) => involved(event, 'name'),
  'involvedObject.kind': (event) => involved(event, 'kind'),
  'involvedObject.namespace': (event) => involved(event, 'namespace'),
  'involvedObject.uid': (event) => involved(event, 'uid'),
  'spec.unschedulable': ({ spec }) => String(objectAt({ spec }, 'spec').unschedulable ?? false),
};
