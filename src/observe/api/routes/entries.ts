import { z } from '@hono/zod-openapi';
import { FAMILIES } from '../../../net/family.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { parseProtocol } from '../../../net/protocol.ts';
import { canonicalEntry } from '../../../plan/canonical.ts';
import { scopeOf } from '../../../plan/nat-plan.ts';
import { type EntryQuery, entryKinds, queryEntries } from '../entry-query.ts';
import { type Api, get, nothing, number } from '../route.ts';
import * as schemas from '../schemas.ts';
import type { AgentView } from '../view.ts';

const KINDS = Object.keys(entryKinds) as (keyof typeof entryKinds)[];

export const entryFilter = z.object({
  kind: z
    .string()
    .transform((text, context) => {
      const names = text.split(',').map((name) => name.trim().toLowerCase());
      const unknown = names.find((name) => !Object.hasOwn(entryKinds, name));
      if (unknown !== undefined) {
        context.addIssue(`"${unknown}" is none of ${KINDS.join(', ')}`);
        return z.NEVER;
      }
      return names.map((name) => entryKinds[name as keyof typeof entryKinds]);
    })
    .optional()
    .openapi({ type: 'string', description: `kinds, with commas: ${KINDS.join(', ')}` }),
  object: z.string().max(400).optional().openapi({ description: 'whose: shop/web, or Service shop/web' }),
  family: z.enum(['IPv4', 'IPv6']).optional(),
  protocol: z
    .string()
    .transform((text, context) => {
      const protocol = parseProtocol(text);
      if (protocol !== null) return protocol;
      context.addIssue(`"${text}" is none of TCP, UDP, SCTP`);
      return z.NEVER;
    })
    .optional()
    .openapi({ type: 'string', description: 'TCP, UDP or SCTP' }),
  unserved: z
    .enum(['true', 'false'])
    .default('false')
    .openapi({ description: 'true: only frontends without any endpoint' }),
  search: z
    .string()
    .max(200)
    .default('')
    .openapi({ description: 'stands anywhere in key, object, port name or endpoints, in any case' }),
});

/** What the filter of a query asks for. */
export function entryQueryOf(filter: z.output<typeof entryFilter>): Omit<EntryQuery, 'after' | 'limit'> {
  const { kind, object, family, protocol, unserved, search } = filter;
  return {
    kinds: kind ?? null,
    object: object ?? null,
    family: family ?? null,
    protocol: protocol ?? null,
    unserved: unserved === 'true',
    search,
  };
}

export function entriesRoutes(app: Api, view: AgentView): void {
  get(app, {
    path: '/entries',
    summary: 'What is programmed, entry by entry, in order of the keys',
    query: entryFilter.extend({
      after: z.string().max(400).optional().openapi({ description: '`next` of the page before' }),
      limit: number(1, 5000, 100),
    }),
    answer: schemas.entryPage,
    handle: ({ after = null, limit, ...filter }) => {
      const page = queryEntries(view.plan, { ...entryQueryOf(filter), after, limit });
      // The test of the API holds the canonical form against the schema.
      return { ...page, items: page.items as z.input<typeof schemas.entry>[] };
    },
  });
  get(app, {
    path: '/pools',
    summary: 'The pools, and what follows from them together',
    query: nothing,
    answer: schemas.pools,
    handle: () => {
      const scopes = FAMILIES.map((family) => scopeOf(view.plan, family));
      return {
        items: scopes.flatMap(({ family, pools }) =>
          pools.map(({ name, cidr, natOutgoing, disabled, loadBalancerOnly }) => {
            return { name, cidr: formatPrefix(cidr), family, natOutgoing, disabled, loadBalancerOnly };
          }),
        ),
        scopes: scopes.map(canonicalEntry) as z.input<typeof schemas.entry>[],
      };
    },
  });
}
