import { z } from '@hono/zod-openapi';
import { count, form, list, texts } from './form.ts';

const owned = { key: z.string(), owner: z.string().openapi({ example: 'Service shop/web' }) };

/** An entry of the plan as plain data: for diff, golden files, `-o json` and the API. */
export const entry = z
  .discriminatedUnion('kind', [
    z
      .object({
        kind: z.literal('ServiceFrontend'),
        ...owned,
        origin: z.enum(['ClusterIP', 'NodePort', 'ExternalIP', 'LoadBalancer']),
        portName: z.string(),
        endpoints: texts,
        retained: texts.openapi({ description: 'terminating endpoints that keep their connections' }),
        localEndpoints: texts.nullable().openapi({
          description: 'external policy Local: the endpoints for sources other than pods and the node',
        }),
        masquerade: z.enum(['always', 'cluster-ip', 'node-sources']),
        unserved: z.enum(['reject', 'drop']),
        sourceRanges: texts.nullable(),
        affinityTimeoutSeconds: z.number().nullable(),
      })
      .openapi('ServiceFrontend'),
    z
      .object({
        kind: z.literal('PodBinding'),
        ...owned,
        endpoint: z.string(),
        sourceRanges: texts.nullable(),
      })
      .openapi('PodBinding'),
    z
      .object({ kind: z.literal('PodReservation'), ...owned, endpoint: z.string() })
      .openapi('PodReservation', { description: 'a binding of a pod that is not Ready yet' }),
    z.object({ kind: z.literal('PodSource'), ...owned, snat: z.string() }).openapi('PodSource'),
    z.object({ kind: z.literal('PodSourcePort'), ...owned, snat: z.string() }).openapi('PodSourcePort', {
      description: 'source address and port of what a pod sends from a port of its binding',
    }),
    z.object({ kind: z.literal('ClusterAddress'), ...owned }).openapi('ClusterAddress'),
    z
      .object({
        kind: z.literal('ServiceHealthCheck'),
        ...owned,
        port: count,
        addresses: texts,
        localEndpoints: count,
      })
      .openapi('ServiceHealthCheck'),
    z
      .object({
        kind: z.literal('FamilyScope'),
        key: z.string(),
        pods: texts,
        podInterface: z
          .string()
          .nullable()
          .openapi({ description: 'packets that enter by it are from pods: cni0, or cali* for a prefix' }),
        serviceCIDRs: texts,
        masqueradeToClusterIP: texts,
        unmasqueradedInterface: z.string().nullable(),
        invalidDropped: texts,
        egressSources: texts,
        egressInterface: z.string().nullable().openapi({
          description: 'packets that enter by it are such sources too: cni0, or cali* for a prefix',
        }),
        egressExempt: texts,
        egressAddress: z.string().nullable().openapi({ description: 'natOutgoingAddress; null: masquerade' }),
        egressPorts: texts,
        egressInterfaceFilter: z.string().nullable(),
        podNatInternal: texts,
        pools: texts,
      })
      .openapi('FamilyScope'),
    z
      .object({
        kind: z.literal('SourcePorts'),
        key: z.string().openapi({ example: 'source-ports IPv4' }),
        ports: texts.openapi({
          description: 'ports without an owner: source ports of translated connections',
        }),
        egressPorts: texts
          .nullable()
          .openapi({ description: 'those of them within natPortRange; null: not set' }),
      })
      .openapi('SourcePorts'),
    z
      .object({
        kind: z.literal('EgressSource'),
        key: z.string().openapi({ example: 'egress 10.244.1.5' }),
        owner: z.string().nullable().openapi({ description: 'the Pod that has the address' }),
        rules: texts.openapi({ description: 'EgressRules in the order of precedence' }),
        cells: texts.openapi({ description: 'the same as in the kernel: destinations that do not overlap' }),
        rest: z
          .string()
          .nullable()
          .openapi({ description: 'outcome for all other destinations outside the pools' }),
      })
      .openapi('EgressSource'),
  ])
  .openapi('Entry');

export type Entry = z.output<typeof entry>;

/** Something that an object asked for and did not get. `/entries/list` and `knat entries` list it after the entries. */
export const refusal = form({
  kind: z.literal('Refused'),
  ...owned,
  reason: z.string().openapi({ description: 'the reason of the Event' }),
  message: z.string(),
}).openapi('Refusal');

export type Refusal = z.output<typeof refusal>;

export const entryPage = form({
  items: list(entry),
  total: count.openapi({ description: 'matching entries, on all pages' }),
  next: z.string().nullable().openapi({ description: '`after` for the next page; null: this is the last' }),
  revision: count.openapi({
    description: 'revision of the plan; if it differs, earlier pages may have changed',
  }),
}).openapi('EntryPage');

export type EntryPage = z.output<typeof entryPage>;

const pool = form({
  name: z.string(),
  cidr: z.string(),
  family: z.enum(['IPv4', 'IPv6']),
  natOutgoing: z.boolean(),
  disabled: z.boolean(),
  loadBalancerOnly: z.boolean(),
}).openapi('Pool');
export type Pool = z.output<typeof pool>;

export const pools = form({
  items: list(pool),
  scopes: list(entry).openapi({
    description: 'address sets that follow from all pools, a FamilyScope for each family',
  }),
}).openapi('Pools');

const poolRow = form({
  pool: z.string(),
  towards: list(
    form({
      pool: z.string().nullable().openapi({ description: 'a pool of the same family; null: outside of all' }),
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
