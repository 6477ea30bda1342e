import type { JsonObject } from './objects.ts';
import { groupVersion, type ResourceType, VERBS } from './resource-types.ts';

/** `/api`: versions of the core group. */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis`: the groups in the order in which they came. */
export function groupList(types: readonly ResourceType[]): JsonObject {
  const groups = [...new Set(types.map(({ group }) => group).filter((group) => group !== ''))];
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => groupOf(group, types)) };
}

/** `/apis/GROUP`; null when there is none. */
export function groupDocument(group: string, types: readonly ResourceType[]): JsonObject | null {
  if (group === '' || !types.some((type) => type.group === group)) return null;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, types) };
}

function groupOf(group: string, types: readonly ResourceType[]): JsonObject {
  const versions = [...new Set(types.filter((type) => type.group === group).map(({ version }) => version))];
  const named = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: named, preferredVersion: named[0] };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; null when there is none. */
export function resourceList(wanted: string, types: readonly ResourceType[]): JsonObject | null {
  const found = types.filter((type) => groupVersion(type) === wanted);
  if (found.length === 0) return null;
  return {
    kind: 'APIResourceList',
    // The core group's list has no apiVersion.
    ...(wanted === 'v1' ? {} : { apiVersion: 'v1' }),
    groupVersion: wanted,
    resources: found.flatMap(resourceEntries),
  };
}

function resourceEntries(type: ResourceType): JsonObject[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = type;
  const entry: JsonObject = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: type.isReview === true ? ['create'] : verbsOf(type),
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(categories === undefined ? {} : { categories }),
    ...(type.isReview === true ? {} : { storageVersionHash: hashOf(type) }),
  };
  if (!type.hasStatus) return [entry];
  return [
    entry,
    { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] },
  ];
}

function verbsOf({ plural }: ResourceType): string[] {
  return plural === 'namespaces' ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
}

/** Eight bytes as base64, of no meaning to anyone. */
function hashOf(type: ResourceType): string {
  return Buffer.from(`${type.plural}${type.group}xxxxxxxx`.slice(0, 8)).toString('base64');
}
