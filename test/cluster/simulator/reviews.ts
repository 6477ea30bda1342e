import { managedAfter } from './managed-fields.ts';
import { type ApiObject, type JsonObject, objectAt, textAt, timestamp } from './objects.ts';
import type { ResourceType } from './resource-types.ts';
import type { Users } from './users.ts';

/** The answer to a TokenReview or SubjectAccessReview; nothing is stored. */
export function review(
  type: ResourceType,
  body: JsonObject,
  users: Users,
  types: readonly ResourceType[],
  manager: string,
): JsonObject {
  const status = type.kind === 'TokenReview' ? tokenStatus(body, users) : accessStatus(body, users, types);
  const sent = { ...body, metadata: { name: '' } } as ApiObject;
  const writer = { manager, operation: 'Update', subresource: '', time: timestamp(new Date()) } as const;
  const managedFields = managedAfter(type, null, sent, sent, writer);
  return {
    kind: type.kind,
    apiVersion: `${type.group}/${type.version}`,
    metadata: { managedFields },
    spec: body.spec,
    status,
  };
}

function tokenStatus(body: JsonObject, users: Users): JsonObject {
  const user = users.withToken(textAt(body.spec, 'token'));
  if (user === null) return { user: {}, error: 'invalid bearer token' };
  return { authenticated: true, user, audiences: ['https://kubernetes.default'] };
}

/** Without groups in the review the user is in none. */
function accessStatus(body: JsonObject, users: Users, types: readonly ResourceType[]): JsonObject {
  const spec = objectAt(body, 'spec');
  const groups = Array.isArray(spec.groups) ? spec.groups.map(String) : [];
  const user = { username: textAt(spec, 'user'), uid: '', groups };
  const path = objectAt(spec, 'nonResourceAttributes');
  if (textAt(path, 'path') !== '') {
    return { allowed: users.mayVisit(user, textAt(path, 'verb'), textAt(path, 'path')) };
  }
  const wanted = objectAt(spec, 'resourceAttributes');
  const type = types.find(
    ({ group, plural }) => group === textAt(wanted, 'group') && plural === textAt(wanted, 'resource'),
  );
  const isMaster = groups.includes('system:masters');
  if (type === undefined) return { allowed: isMaster };
  const attempt = { type, verb: textAt(wanted, 'verb'), subresource: textAt(wanted, 'subresource') };
  return { allowed: users.mayDo(user, attempt) };
}
