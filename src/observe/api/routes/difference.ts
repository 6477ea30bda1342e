import { z } from '@hono/zod-openapi';
import type { Difference } from '../../difference.ts';
import { get, number } from '../route.ts';
import type { Routes } from '../routes.ts';
import * as schemas from '../schemas.ts';

/** Elements that are named at most in one answer. */
export const MOST_ELEMENTS = 1_000_000;

/** @param difference compares anew when asked; names at most `limit` elements */
export function differenceRoutes(difference: (limit: number) => Promise<Difference>): Routes {
  return (app) =>
    get(app, {
      path: '/diff',
      summary: 'What differs between the plan and the kernel, by object and by element; writes nothing',
      query: z.object({
        limit: number(0, MOST_ELEMENTS, 1000).openapi({ description: 'at most so many elements are named' }),
      }),
      answer: schemas.difference,
      handle: ({ limit }) => difference(limit),
    });
}
