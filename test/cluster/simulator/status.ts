import type { JsonObject } from './objects.ts';
import { qualifiedName, type ResourceType } from './resource-types.ts';

/** An answer that is no success: a Status object, or a text where the server sends no more. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly body: JsonObject | string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: JsonObject | string, headers: Readonly<Record<string, string>> = {}) {
    super(typeof body === 'string' ? body : String(body.message));
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A `Status` of a failure. */
export function failureStatus(
  code: number,
  reason: string,
  message: string,
  details?: JsonObject,
): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

function refusal(code: number, reason: string, message: string, details?: JsonObject): ApiRefusal {
  return new ApiRefusal(code, failureStatus(code, reason, message, details));
}

function detailsOf(type: ResourceType, name: string): JsonObject {
  return { name, ...(type.group === '' ? {} : { group: type.group }), kind: type.plural };
}

export const refusals = {
  pathNotFound: () =>
    new ApiRefusal(404, '404 page not found\n', {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
    }),
  unauthorized: () => refusal(401, 'Unauthorized', 'Unauthorized'),
  forbidden: (
    user: string,
    verb: string,
    type: ResourceType,
    name: string,
    namespace: string,
    subresource = '',
  ) => {
    const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    const what = name === '' ? qualifiedName(type) : `${qualifiedName(type)} "${name}"`;
    const resource = subresource === '' ? type.plural : `${type.plural}/${subresource}`;
    const message = `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${type.group}" ${scope}`;
    return refusal(403, 'Forbidden', message, name === '' ? { kind: type.plural } : detailsOf(type, name));
  },
  notFound: (type: ResourceType, name: string) =>
    refusal(404, 'NotFound', `${qualifiedName(type)} "${name}" not found`, detailsOf(type, name)),
  alreadyExists: (type: ResourceType, name: string) =>
    refusal(409, 'AlreadyExists', `${qualifiedName(type)} "${name}" already exists`, detailsOf(type, name)),
  conflict: (type: ResourceType, name: string) =>
    refusal(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${qualifiedName(type)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      detailsOf(type, name),
    ),
  badRequest: (message: string) => refusal(400, 'BadRequest', message),
  methodNotAllowed: () =>
    refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'),
  unsupportedMedia: (allowed: string) =>
    refusal(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${allowed}`,
    ),
  expiredList: () =>
    refusal(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    ),
  versionTooLarge: (wanted: number, current: number) =>
    refusal(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    }),
  invalid: (type: ResourceType, name: string, causes: readonly Cause[]) => {
    const parts = causes.map(({ field, message }) => `${field}: ${message}`);
    const text = parts.length === 1 ? parts[0] : `[${parts.join(', ')}]`;
    return refusal(422, 'Invalid', `${type.kind} "${name}" is invalid: ${text}`, {
      name,
      ...(type.group === '' || !type.isCustom ? {} : { group: type.group }),
      kind: type.kind,
      causes,
    });
  },
  tooManyRequests: (seconds: number) =>
    new ApiRefusal(429, 'Too many requests, please try again later.\n', {
      'Content-Type': 'text/plain; charset=utf-8',
      'Retry-After': String(seconds),
    }),
  unavailable: (seconds: number) =>
    new ApiRefusal(
      503,
      failureStatus(503, 'ServiceUnavailable', 'the server is currently unable to handle the request', {
        retryAfterSeconds: seconds,
      }),
      { 'Retry-After': String(seconds) },
    ),
};

export interface Cause extends JsonObject {
  reason: string;
  message: string;
  field: string;
}
