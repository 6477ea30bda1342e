import type { Field } from './field.ts';

/** The API group of knat's own objects. */
export const GROUP = 'knat.dev';
export const VERSION = 'v1';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
}

/** A kind of `knat.dev/v1`, cluster-scoped: its definition and its page are made from this. */
export interface CustomResource {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly description: string;
  /** Written by users; null without spec. */
  readonly spec: Field<unknown> | null;
  /** Written by agents through the status subresource; null without status. */
  readonly status: Field<unknown> | null;
  readonly columns: readonly PrinterColumn[];
}

/** The fields of every object in addition to spec and status. */
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
