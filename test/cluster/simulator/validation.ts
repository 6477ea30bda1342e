import { type ApiObject, isJsonObject, objectAt, textAt } from './objects.ts';
import type { ResourceType } from './resource-types.ts';
import { type Cause, refusals } from './status.ts';

/** Throws the refusal of an object that the server does not take, for the kinds whose rules matter to us. */
export function validate(type: ResourceType, object: ApiObject): void {
  const causes =
    type.group === 'events.k8s.io'
      ? eventCauses(object)
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
  const note = textAt(event, 'note');
  if (Buffer.byteLength(note) > 1024) {
    causes.push(invalid('message', JSON.stringify(note), 'can have at most 1024 characters'));
  }
  return causes;
}

function serviceCauses({ spec }: ApiObject): Cause[] {
  const ports = isJsonObject(spec) && Array.isArray(spec.ports) ? spec.ports : [];
  return ports.filter(isJsonObject).flatMap((each, index) => {
    const { port } = each;
    if (typeof port === 'number' && port >= 1 && port <= 65_535) return [];
    return [invalid(`spec.ports[${index}].port`, String(port), 'must be between 1 and 65535, inclusive')];
  });
}
