import { type ApiObject, isJsonObject, objectAt, sameJson, textAt } from './objects.ts';
import type { ResourceType } from './resource-types.ts';
import { type Cause, refusals } from './status.ts';

const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/;

/** Throws the refusal of an invalid object, for the kinds whose rules matter to knat. */
export function validate(type: ResourceType, object: ApiObject, before: ApiObject | null = null): void {
  const causes =
    type.group === 'events.k8s.io'
      ? [...eventCauses(object), ...(before === null ? [] : eventUpdateCauses(object, before))]
      : type.group === '' && type.kind === 'Service'
        ? serviceCauses(object)
        : [];
  if (causes.length > 0) throw refusals.invalid(type, object.metadata.name, causes);
}

function invalid(field: string, value: string, what: string): Cause {
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${what}`, field };
}

function required(field: string): Cause {
  return { reason: 'FieldValueRequired', message: 'Required value', field };
}

/** The order is that of the server's checks. */
function eventCauses(event: ApiObject): Cause[] {
  const causes: Cause[] = [];
  const regarding = objectAt(event, 'regarding');
  const namespace = textAt(regarding, 'namespace');
  const own = event.metadata.namespace ?? '';
  const isFine =
    namespace === own || (namespace === '' && own === 'default' && textAt(regarding, 'kind') !== '');
  if (!isFine) {
    causes.push(
      invalid('involvedObject.namespace', JSON.stringify(namespace), 'does not match event.namespace'),
    );
  }
  if (textAt(event, 'eventTime') === '') causes.push(required('eventTime'));
  const kind = textAt(event, 'type');
  if (kind !== 'Normal' && kind !== 'Warning') {
    causes.push(invalid('type', JSON.stringify(kind), 'has invalid value: '));
  }
  if (causes.length > 0) return causes;
  for (const field of ['reportingController', 'reportingInstance', 'action', 'reason']) {
    if (textAt(event, field) === '') causes.push(required(field));
  }
  const controller = textAt(event, 'reportingController');
  if (controller !== '' && !QUALIFIED_NAME.test(controller)) {
    causes.push(invalid('reportingController', JSON.stringify(controller), 'a qualified name is needed'));
  }
  for (const field of ['reportingInstance', 'action', 'reason']) {
    if (Buffer.byteLength(textAt(event, field)) > 128) {
      causes.push(invalid(field, '""', 'can have at most 128 characters'));
    }
  }
  for (const field of ['deprecatedFirstTimestamp', 'deprecatedLastTimestamp', 'deprecatedCount']) {
    if ((event[field] ?? null) !== null) causes.push(invalid(field, '""', 'needs to be unset'));
  }
  if (!SUBDOMAIN.test(event.metadata.name) || event.metadata.name.length > 253) {
    causes.push(invalid('metadata.name', JSON.stringify(event.metadata.name), 'a DNS subdomain is needed'));
  }
  if (event.series !== undefined) {
    const { count, lastObservedTime } = objectAt(event, 'series');
    if (typeof count !== 'number' || count < 2) {
      causes.push(invalid('series.count', '""', 'should be at least 2'));
    }
    if (!MICRO_TIME.test(String(lastObservedTime))) causes.push(required('series.lastObservedTime'));
  }
  const note = textAt(event, 'note');
  if (Buffer.byteLength(note) > 1024) {
    causes.push(invalid('message', JSON.stringify(note), 'can have at most 1024 characters'));
  }
  return causes;
}

/** Only the series of an existing Event may change. */
function eventUpdateCauses(after: ApiObject, before: ApiObject): Cause[] {
  const fixed = ['regarding', 'reason', 'note', 'type', 'eventTime', 'action', 'reportingController'];
  return [...fixed, 'related', 'reportingInstance']
    .filter((field) => !sameJson(after[field], before[field]))
    .map((field) => invalid(field, '""', 'field is immutable'));
}

function serviceCauses({ spec }: ApiObject): Cause[] {
  const ports = isJsonObject(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  return ports.filter(isJsonObject).flatMap((each, index) => {
    const { port } = each;
    if (typeof port === 'number' && port >= 1 && port <= 65_535) return [];
    return [invalid(`spec.ports[${index}].port`, String(port), 'must be between 1 and 65535, inclusive')];
  });
}
