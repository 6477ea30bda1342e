import { z } from '@hono/zod-openapi';
import { SPAN } from '../../sync-history.ts';
import { type Api, get, nothing, number } from '../route.ts';
import * as schemas from '../schemas.ts';
import type { AgentView } from '../view.ts';

export function activityRoutes(app: Api, view: AgentView): void {
  const { activity, history, metrics } = view.observations;
  get(app, {
    path: '/activity',
    summary: 'What the agent did and found lately, the oldest first; the last 512 records are kept',
    query: z.object({
      after: number(0, Number.MAX_SAFE_INTEGER, 0).openapi({
        description: 'only records with a greater sequence: `newest` of the answer before',
      }),
    }),
    answer: schemas.activityPage,
    handle: ({ after }) => ({ items: activity.since(after), newest: activity.newest }),
  });
  get(app, {
    path: '/history',
    summary: 'How long programming the kernel took in the last hour; spans without any are left out',
    query: nothing,
    answer: schemas.history,
    handle: () => ({ spanSeconds: SPAN / 1000, items: history.points(view.now()) }),
  });
  get(app, {
    path: '/metrics',
    summary: 'Every metric as data; /metrics has them for Prometheus',
    query: nothing,
    answer: schemas.metrics,
    handle: async () => ({ items: await metrics.snapshot() }),
  });
}
