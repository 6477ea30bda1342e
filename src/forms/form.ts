import { z } from '@hono/zod-openapi';

/** Parts of several forms. */

export const text = z.string();
export const textOrNull = text.nullable();
export const texts = z.array(text).readonly();
export const flag = z.boolean();
export const count = z.int().min(0);
export const time = text.openapi({ description: 'RFC 3339', format: 'date-time' });
export const owner = textOrNull.openapi({ description: '`Service shop/web`, or null' });

export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item).readonly();
}

export function form<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape).readonly();
}
