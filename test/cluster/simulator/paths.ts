import type { ResourceType } from './resource-types.ts';

/** What a path of the API names. */
export type ApiPath =
  | { readonly kind: 'versions' }
  | { readonly kind: 'groups' }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'resources'; readonly groupVersion: string }
  | {
      readonly kind: 'objects';
      readonly type: ResourceType;
      readonly namespace: string;
      /** Empty for the collection. */
      readonly name: string;
      readonly subresource: '' | 'status';
    };

/** Null for a path that the server does not have. */
export function readPath(path: string, types: readonly ResourceType[]): ApiPath | null {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [root, ...rest] = parts;
  if (root === 'api' && rest.length === 0) return { kind: 'versions' };
  if (root === 'apis' && rest.length === 0) return { kind: 'groups' };
  if (root === 'apis' && rest.length === 1) return { kind: 'group', group: rest[0] ?? '' };
  if (root !== 'api' && root !== 'apis') return null;
  const group = root === 'api' ? '' : (rest.shift() ?? '');
  const version = rest.shift() ?? '';
  if (rest.length === 0) {
    return { kind: 'resources', groupVersion: group === '' ? version : `${group}/${version}` };
  }
  let namespace = '';
  const isNamespaceItself = rest.length <= 2 || (rest.length === 3 && rest[2] === 'status');
  if (rest[0] === 'namespaces' && !isNamespaceItself) {
    namespace = rest[1] ?? '';
    rest.splice(0, 2);
  }
  const [plural, name = '', subresource = '', ...more] = rest;
  const type = types.find(
    (each) => each.group === group && each.version === version && each.plural === plural,
  );
  if (type === undefined || more.length > 0 || (namespace !== '' && !type.namespaced)) return null;
  if (subresource !== '' && !(subresource === 'status' && type.hasStatus)) return null;
  return { kind: 'objects', type, namespace, name, subresource };
}
