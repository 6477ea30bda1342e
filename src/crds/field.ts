/**
 * Fields of custom resources, described once: the TypeScript type (`ValueOf`), the OpenAPI schema of the
 * CustomResourceDefinition (`schema`) and the documentation come from the same description.
 * The schemas are structural (apiextensions.k8s.io/v1): every node has a type, there are no references, and every text
 * and list that a CEL rule reads has a bound, from which the API server estimates the cost of the rule.
 */

/** A node of a structural schema, as the CustomResourceDefinition has it. */
export interface JsonSchema {
  readonly description: string;
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly format?: 'date-time' | 'int32' | 'int64';
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  /** In characters. */
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** For an object with arbitrary names: the schema of the values. */
  readonly additionalProperties?: { readonly type: 'string'; readonly maxLength: number };
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly CelRule[];
}

/** A condition in the Common Expression Language; `self` is the object that has the rule. */
export interface CelRule {
  readonly rule: string;
  /** The API server's answer if the condition is false. */
  readonly message: string;
  /** The field that the answer names, relative to the object that has the rule: `.cidr`. */
  readonly fieldPath: string;
}

export function rule(fieldPath: string, condition: string, message: string): CelRule {
  return { rule: condition, message, fieldPath };
}

/** A field whose values are of this type. */
export interface Field<Value> {
  readonly schema: JsonSchema;
  readonly optional: boolean;
  /** Never set: it only carries the type. */
  readonly value?: Value;
}

export interface OptionalField<Value> extends Field<Value> {
  readonly optional: true;
}

export type ValueOf<Described> = Described extends Field<infer Value> ? Value : never;

type Fields = Readonly<Record<string, Field<unknown>>>;
type OptionalNames<F extends Fields> = {
  [Name in keyof F]: F[Name] extends OptionalField<unknown> ? Name : never;
}[keyof F];
type ObjectOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[Name]>;
} & { readonly [Name in OptionalNames<F>]?: ValueOf<F[Name]> };

export function text(description: string, maxLength?: number): Field<string> {
  return needed({ description, type: 'string', ...(maxLength === undefined ? {} : { maxLength }) });
}

/** An RFC 3339 time. */
export function time(description: string): Field<string> {
  return needed({ description, type: 'string', format: 'date-time' });
}

export function word<const Word extends string>(description: string, words: readonly Word[]): Field<Word> {
  return needed({ description, type: 'string', enum: words });
}

export function integer(description: string, minimum?: number, maximum?: number): Field<number> {
  return needed({
    description,
    type: 'integer',
    format: 'int64',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  });
}

export function flag(description: string): Field<boolean> {
  return needed({ description, type: 'boolean' });
}

/** With `keys` a map by these fields of its items, so that several appliers can share it. */
export function list<Item>(
  description: string,
  item: Field<Item>,
  maxItems: number,
  keys: readonly string[] = [],
): Field<readonly Item[]> {
  return needed({
    description,
    type: 'array',
    maxItems,
    'x-kubernetes-list-type': keys.length === 0 ? 'atomic' : 'map',
    ...(keys.length === 0 ? {} : { 'x-kubernetes-list-map-keys': keys }),
    items: item.schema,
  });
}

/** Texts by any name, such as labels. */
export function texts(
  description: string,
  maxLength: number,
  maxProperties: number,
): Field<Readonly<Record<string, string>>> {
  const additionalProperties = { type: 'string', maxLength } as const;
  return needed({ description, type: 'object', additionalProperties, maxProperties });
}

export function object<const F extends Fields>(
  description: string,
  fields: F,
  rules: readonly CelRule[] = [],
): Field<ObjectOf<F>> {
  const entries = Object.entries(fields);
  const required = entries.filter(([, field]) => !field.optional).map(([name]) => name);
  return needed({
    description,
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
  });
}

/** The API server fills in the fallback, if there is one. */
export function optional<Value>(field: Field<Value>, fallback?: Value): OptionalField<Value> {
  const schema = fallback === undefined ? field.schema : { ...field.schema, default: fallback };
  return { schema, optional: true };
}

function needed<Value>(schema: JsonSchema): Field<Value> {
  return { schema, optional: false };
}
