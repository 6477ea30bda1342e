import type { ObjectRef } from '../forms/findings.ts';

export type { ObjectRef };

/** The reference to an object; without a namespace to a cluster-scoped one. */
export function refOf(
  kind: ObjectRef['kind'],
  { namespace = '', name }: { readonly namespace?: string; readonly name: string },
): ObjectRef {
  return { kind, namespace, name };
}

/** `Service shop/web`, `IPPool default`: the name of an object in all texts for people. */
export function formatRef({
  kind,
  namespace = '',
  name,
}: {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}): string {
  return `${kind} ${objectKey(namespace, name)}`;
}

/**
 * `namespace/name`, or the bare name of a cluster-scoped object. Unique within a kind. The text is made by `join`, as
 * all keys that are kept: a text made by a template keeps its parts in memory too, 120 bytes more.
 */
export function objectKey(namespace: string, name: string): string {
  return namespace === '' ? name : [namespace, name].join('/');
}
