import type { Field } from './field.ts';

/** The API group of knat's own objects. */
export const GROUP = 'knat.dev';
export const VERSION = 'v1';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
}

/** A kind of object of `knat.dev/v1`, all of them cluster-scoped: what its definition and its page are made from. */
export interface CustomResource {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  /** What it is for: a paragraph. */
  readonly description: string;
  /** The part that users write; null where there is none. */
  readonly spec: Field<unknown> | null;
  /** The part that agents write, behind the status subresource; null where there is none. */
  readonly status: Field<unknown> | null;
  readonly columns: readonly PrinterColumn[];
}

/** What every object carries beside spec and status. */
export interface ObjectHead<Kind extends string> {
  readonly apiVersion: `${typeof GROUP}/${typeof VERSION}`;
  readonly kind: Kind;
  readonly metadata: { readonly name: string };
}

export function column(
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
): PrinterColumn {
  return { name, type, jsonPath, description };
}

export const AGE = column('Age', 'date', '.metadata.creationTimestamp', 'When the object was created.');
