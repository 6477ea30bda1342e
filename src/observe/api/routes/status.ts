import { z } from '@hono/zod-openapi';
import { formatFinding } from '../../../model/finding.ts';
import { type Api, get, offsetPage, pageOfItems } from '../route.ts';
import * as schemas from '../schemas.ts';
import type { AgentView } from '../view.ts';

export function statusRoutes(app: Api, view: AgentView): void {
  get(app, {
    path: '/status',
    summary: 'The agent’s own account of itself',
    query: z.object({
      lists: z
        .enum(['true', 'false'])
        .default('true')
        .openapi({ description: 'false: conflicts, notices and problems only as numbers' }),
    }),
    answer: schemas.status,
    handle: ({ lists }) => {
      const { conflicts, notices, problems, ...rest } = view.status();
      const findings = { conflicts: conflicts.length, notices: notices.length, problems: problems.length };
      return { ...rest, findings, ...(lists === 'true' ? { conflicts, notices, problems } : {}) };
    },
  });
  get(app, {
    path: '/problems',
    summary: 'What cannot be read, and what goes wrong beside NAT',
    query: offsetPage,
    answer: schemas.pageOf('ProblemPage', schemas.problem),
    handle: (page) => pageOfItems(view.findings.problems(), page, formatFinding),
  });
}
