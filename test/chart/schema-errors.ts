import type { JsonSchema } from '../../src/crds/field.ts';

/** Paths of values that do not fit a structural schema; unknown fields are an error here, not pruned. */
export function* schemaErrors(value: unknown, schema: JsonSchema, path = ''): Generator<string> {
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) yield path;
      else if (schema.additionalProperties !== undefined) {
        for (const [name, text] of Object.entries(value))
          if (typeof text !== 'string') yield `${path}.${name}`;
      } else yield* objectErrors(value as Record<string, unknown>, schema, path);
      break;
    case 'array':
      if (!Array.isArray(value) || value.length > (schema.maxItems ?? value.length)) yield path;
      else if (schema.items !== undefined) {
        for (const [index, item] of value.entries())
          yield* schemaErrors(item, schema.items, `${path}[${index}]`);
      }
      break;
    case 'string':
      if (typeof value !== 'string' || value.length > (schema.maxLength ?? value.length)) yield path;
      else if (schema.enum !== undefined && !schema.enum.includes(value)) yield path;
      else if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) yield path;
      break;
    case 'integer':
      if (!Number.isInteger(value) || Number(value) < (schema.minimum ?? Number.MIN_SAFE_INTEGER)) yield path;
      else if (Number(value) > (schema.maximum ?? Number.MAX_SAFE_INTEGER)) yield path;
      break;
    case 'boolean':
      if (typeof value !== 'boolean') yield path;
      break;
    default:
      schema.type satisfies never;
  }
}

function* objectErrors(value: Record<string, unknown>, schema: JsonSchema, path: string): Generator<string> {
  for (const name of schema.required ?? []) if (!(name in value)) yield `${path}.${name}`;
  for (const [name, item] of Object.entries(value)) {
    const field = schema.properties?.[name];
    if (field === undefined) yield `${path}.${name}`;
    else yield* schemaErrors(item, field, `${path}.${name}`);
  }
}
