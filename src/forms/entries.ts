import { z } from '@hono/zod-openapi';
import { count, flag, form, list, text, textOrNull, texts } from './form.ts';

const owned = { key: text, owner: text.openapi({ example: 'Service shop/web' }) };

/** A kind of entry; in an answer the kind is named as its schema. */
function entryOf<Kind extends string, Shape extends z.ZodRawShape>(
  kind: Kind,
  shape: Shape,
  description?: string,
) {
  const metadata = description === undefined ? {} : { description };
  return z.object({ kind: z.literal(kind), ...shape }).openapi(kind, metadata);
}

/** For diff, golden files, `-o json` and the API. */
export const entry = z
  .discriminatedUnion('kind', [
    entryOf('ServiceFrontend', {
      ...owned,
      origin: z.enum(['ClusterIP', 'NodePort', 'ExternalIP', 'LoadBalancer']),
      portName: text,
      endpoints: texts,
      retained: texts.openapi({ description: 'terminating endpoints that keep their connections' }),
      localEndpoints: texts.nullable().openapi({
        description: 'external policy Local: the endpoints for sources other than pods and the node',
      }),
      masquerade: z.enum(['always', 'cluster-ip', 'node-sources']),
      unserved: z.enum(['reject', 'drop']),
      sourceRanges: texts.nullable(),
      affinityTimeoutSeconds: z.number().nullable(),
    }),
    entryOf('PodBinding', { ...owned, endpoint: text, sourceRanges: texts.nullable() }),
    entryOf('PodReservation', { ...owned, endpoint: text }, 'a binding of a pod that is not Ready yet'),
    entryOf('PodSource', { ...owned, snat: text }),
    entryOf(
      'PodSourcePort',
      { ...owned, snat: text },
      'source address and port of what a pod sends from a port of its binding',
    ),
    entryOf('ClusterAddress', owned),
    entryOf('ServiceHealthCheck', { ...owned, port: count, addresses: texts, localEndpoints: count }),
    entryOf('FamilyScope', {
      key: text,
      pods: texts,
      podInterface: textOrNull.openapi({
        description: 'packets that enter by it are from pods: cni0, or cali* for a prefix',
      }),
      serviceCIDRs: texts,
      masqueradeToClusterIP: texts,
      unmasqueradedInterface: textOrNull,
      invalidDropped: texts,
      egressSources: texts,
      egressInterface: textOrNull.openapi({
        description: 'packets that enter by it are such sources too: cni0, or cali* for a prefix',
      }),
      egressExempt: texts,
      egressAddress: textOrNull.openapi({ description: 'natOutgoingAddress; null: masquerade' }),
      egressPorts: texts,
      egressInterfaceFilter: textOrNull,
      podNatInternal: texts,
      pools: texts,
    }),
    entryOf('SourcePorts', {
      key: text.openapi({ example: 'source-ports IPv4' }),
      ports: texts.openapi({
        description: 'ports without an owner: source ports of translated connections',
      }),
      egressPorts: texts
        .nullable()
        .openapi({ description: 'those of them within natPortRange; null: not set' }),
    }),
    entryOf('EgressSource', {
      key: text.openapi({ example: 'egress 10.244.1.5' }),
      owner: textOrNull.openapi({ description: 'the Pod that has the address' }),
      rules: texts.openapi({ description: 'EgressRules in the order of precedence' }),
      cells: texts.openapi({ description: 'the same as in the kernel: destinations that do not overlap' }),
      rest: textOrNull.openapi({ description: 'outcome for all other destinations outside the pools' }),
    }),
  ])
  .openapi('Entry');

export type Entry = z.output<typeof entry>;

/** A refused claim. `/entries/list` and `knat entries` list it after the entries. */
export const refusal = form({
  kind: z.literal('Refused'),
  ...owned,
  reason: text.openapi({ description: 'the reason of the Event' }),
  message: text,
}).openapi('Refusal');

export type Refusal = z.output<typeof refusal>;

export const entryPage = form({
  items: list(entry),
  total: count.openapi({ description: 'matching entries, on all pages' }),
  next: textOrNull.openapi({ description: '`after` for the next page; null: this is the last' }),
  revision: count.openapi({
    description: 'revision of the plan; if it differs, earlier pages may have changed',
  }),
}).openapi('EntryPage');

export type EntryPage = z.output<typeof entryPage>;

const pool = form({
  name: text,
  cidr: text,
  family: z.enum(['IPv4', 'IPv6']),
  natOutgoing: flag,
  disabled: flag,
  loadBalancerOnly: flag,
}).openapi('Pool');
export type Pool = z.output<typeof pool>;

export const pools = form({
  items: list(pool),
  scopes: list(entry).openapi({
    description: 'address sets that follow from all pools, a FamilyScope for each family',
  }),
}).openapi('Pools');

const poolRow = form({
  pool: text,
  towards: list(
    form({
      pool: textOrNull.openapi({ description: 'a pool of the same family; null: outside of all' }),
      verdict: z
        .enum(['keep', 'masquerade', 'snat', 'drop'])
        .openapi({ description: 'what becomes of the source; keep: no NAT' }),
    }),
  ),
});

export const poolMatrix = form({
  pools: list(pool).openapi({ description: 'those that are NATed from first, up to the limit' }),
  total: count.openapi({ description: 'pools that there are' }),
  rows: list(poolRow).openapi({
    description: 'one for each of these pools; EgressRules come before and are left out',
  }),
}).openapi('PoolMatrix');
export type PoolMatrix = z.output<typeof poolMatrix>;
