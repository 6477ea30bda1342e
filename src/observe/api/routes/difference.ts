import type { Difference } from '../../../forms/difference.ts';
import { routes } from '../../../forms/routes.ts';
import { answer } from '../route.ts';
import type { Routes } from '../routes.ts';

/** @param difference compares anew when asked; names at most `limit` elements */
export function differenceRoutes(difference: (limit: number) => Promise<Difference>): Routes {
  return (app) => answer(app, routes.difference, ({ limit }) => difference(limit));
}
