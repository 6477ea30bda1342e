import type { JsonObject } from './objects.ts';
import { groupVersion, type ResourceType } from './resource-types.ts';

/**
 * As much of the OpenAPI documents as kubectl and helm look for before they leave the checking of fields to the
 * server: that a patch of the kind takes `fieldValidation`. There are no schemas.
 */

/** `/openapi/v3`: where the document of each group and version is. */
export function openapiIndex(types: readonly ResourceType[]): JsonObject {
  const paths = new Set(types.map(pathOf));
  return {
    paths: Object.fromEntries([...paths].map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])),
  };
}

/** `/openapi/v3/apis/apps/v1`; null when nothing is served there. */
export function openapiDocument(path: string, types: readonly ResourceType[]): JsonObject | null {
  const found = types.filter((type) => pathOf(type) === path);
  if (found.length === 0) return null;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: Object.fromEntries(
      found.map((type) => [`/${path}/${type.plural}/{name}`, { patch: patchOf(type) }]),
    ),
  };
}

function pathOf(type: ResourceType): string {
  return type.group === '' ? `api/${type.version}` : `apis/${groupVersion(type)}`;
}

function patchOf({ group, version, kind }: ResourceType): JsonObject {
  const names = ['fieldManager', 'fieldValidation', 'force', 'dryRun'];
  return {
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, version, kind },
    parameters: names.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
    responses: { 200: { description: 'OK' } },
  };
}
