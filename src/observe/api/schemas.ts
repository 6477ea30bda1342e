import { z } from '@hono/zod-openapi';

/** The forms of the API's answers. Keys are only ever added. */

const texts = z.array(z.string()).readonly();
const count = z.int().min(0);
const time = z.string().openapi({ description: 'RFC 3339', format: 'date-time' });

export const object = z
  .object({
    kind: z.string().openapi({ description: 'Service, EndpointSlice, Pod, Node, IPPool' }),
    namespace: z.string().openapi({ description: 'empty for objects of the cluster' }),
    name: z.string(),
  })
  .openapi('Object');

export const failure = z
  .object({
    code: z.string().openapi({ description: 'KNAT_…, see docs/errors.md' }),
    message: z.string(),
    details: texts.openapi({ description: 'what else is wrong, one line each' }),
  })
  .openapi('Failure');

export const conflict = z
  .object({
    key: z.string().openapi({ description: 'what both want', example: '203.0.113.7:25/TCP' }),
    winner: object,
    losers: z.array(object).readonly(),
    because: z.string().openapi({ description: 'the rule that decided' }),
  })
  .openapi('Conflict');

export const notice = z
  .object({
    reason: z.string().openapi({ description: 'the reason of the Event' }),
    object,
    message: z.string(),
  })
  .openapi('Notice');

export const problem = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning', 'note']),
    origin: z.string().openapi({ description: 'FILE:LINE, or empty' }),
    object: object.nullable(),
    field: z.string(),
    message: z.string(),
  })
  .openapi('Problem');

const report = {
  revision: count,
  skeleton: z.enum(['kept', 'loaded', 'changed', 'swapped']),
  elementsAdded: count,
  elementsDeleted: count,
  compared: z.enum(['changes', 'everything']),
};

export const status = z
  .object({
    version: z.string(),
    processId: z.int(),
    node: z.string(),
    source: z.string().openapi({ example: 'kubernetes' }),
    enabled: z.object({ service: z.boolean(), pod: z.boolean(), egress: z.boolean() }),
    startedAt: time,
    synced: z.boolean().openapi({ description: 'the source has delivered what existed at the start' }),
    capabilities: z.object({ kernel: z.string() }),
    programmed: z
      .object({ ...report, at: time, milliseconds: z.number() })
      .nullable()
      .openapi({ description: 'what was last written to the kernel; null: nothing yet' }),
    failure: z
      .object({ message: z.string(), since: time })
      .nullable()
      .openapi({ description: 'why the kernel does not match at the moment; null: it does' }),
    kubeProxy: z.object({ found: texts, since: time, removals: count }).nullable(),
    counts: z.object({ frontends: count, bindings: count, podSources: count, pools: count }),
    findings: z
      .object({ conflicts: count, notices: count, problems: count })
      .openapi({ description: 'how long the three lists are' }),
    conflicts: z.array(conflict).readonly().optional(),
    notices: z.array(notice).readonly().optional(),
    problems: z.array(problem).readonly().optional(),
  })
  .openapi('Status');

const owned = { key: z.string(), owner: z.string().openapi({ example: 'Service shop/web' }) };

export const entry = z
  .discriminatedUnion('kind', [
    z
      .object({
        kind: z.literal('ServiceFrontend'),
        ...owned,
        origin: z.enum(['ClusterIP', 'NodePort', 'ExternalIP', 'LoadBalancer']),
        portName: z.string(),
        endpoints: texts,
        retained: texts.openapi({ description: 'leaving endpoints whose connections go on' }),
        localEndpoints: texts
          .nullable()
          .openapi({ description: 'external policy Local: what others than pods and the node may reach' }),
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
      .openapi('PodReservation', { description: 'a binding to be, of a pod that is not Ready yet' }),
    z.object({ kind: z.literal('PodSource'), ...owned, snat: z.string() }).openapi('PodSource'),
    z
      .object({ kind: z.literal('PodSourcePort'), ...owned, snat: z.string() })
      .openapi('PodSourcePort', { description: 'what a pod sends from a port of its own binding' }),
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
          .openapi({ description: 'who comes in by it is a pod: cni0, or cali* for a prefix' }),
        serviceCIDRs: texts,
        masqueradeToClusterIP: texts,
        unmasqueradedInterface: z.string().nullable(),
        invalidDropped: texts,
        egressSources: texts,
        egressInterface: z
          .string()
          .nullable()
          .openapi({ description: 'who comes in by it is such a source too: cni0, or cali* for a prefix' }),
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
        ports: texts.openapi({ description: 'what nobody owns: source ports of translated connections' }),
        egressPorts: texts.nullable().openapi({ description: 'of these within natPortRange; null: not set' }),
      })
      .openapi('SourcePorts'),
    z
      .object({
        kind: z.literal('EgressSource'),
        key: z.string().openapi({ example: 'egress 10.244.1.5' }),
        owner: z.string().nullable().openapi({ description: 'the Pod that has the address' }),
        rules: texts.openapi({ description: 'EgressRules in the order in which they are asked' }),
        cells: texts.openapi({ description: 'the same as the kernel has it: without order' }),
        rest: z
          .string()
          .nullable()
          .openapi({ description: 'what becomes of all else that leaves the pools' }),
      })
      .openapi('EgressSource'),
  ])
  .openapi('Entry');

export const entryPage = z
  .object({
    items: z.array(entry).readonly(),
    total: count.openapi({ description: 'entries that fit, on all pages' }),
    next: z.string().nullable().openapi({ description: '`after` of the next page; null: this is the last' }),
    revision: count.openapi({ description: 'of the plan; another one: pages before may have changed' }),
  })
  .openapi('EntryPage');

/** A page of a list that is read by offset. */
export function pageOf<Item extends z.ZodType>(name: string, item: Item) {
  return z.object({ items: z.array(item).readonly(), total: count }).openapi(name);
}

export const pool = z
  .object({
    name: z.string(),
    cidr: z.string(),
    family: z.enum(['IPv4', 'IPv6']),
    natOutgoing: z.boolean(),
    disabled: z.boolean(),
    loadBalancerOnly: z.boolean(),
  })
  .openapi('Pool');

export const pools = z
  .object({
    items: z.array(pool).readonly(),
    scopes: z
      .array(entry)
      .readonly()
      .openapi({ description: 'what follows from the pools together, a FamilyScope for each family' }),
  })
  .openapi('Pools');

export const activity = z
  .object({
    sequence: count,
    at: time,
    kind: z.enum([
      'started',
      'synced',
      'programmed',
      'disturbed',
      'healed',
      'failed',
      'recovered',
      'conflict',
      'conflict-over',
      'notice',
      'notice-over',
      'problem',
    ]),
    severity: z.enum(['info', 'warning', 'error']),
    message: z.string(),
    object: object.nullable(),
    times: z.int().min(1).openapi({ description: 'how often in a row; `at` is the last time' }),
  })
  .openapi('Activity');

export const activityPage = z
  .object({
    items: z.array(activity).readonly(),
    newest: count.openapi({ description: '`after` of the next question' }),
  })
  .openapi('ActivityPage');

export const history = z
  .object({
    spanSeconds: z.number(),
    items: z
      .array(
        z.object({
          at: time,
          converges: count,
          failures: count,
          elementsAdded: count,
          elementsDeleted: count,
          meanMilliseconds: z.number().nullable(),
          maxMilliseconds: z.number().nullable(),
        }),
      )
      .readonly(),
  })
  .openapi('History');

export const metrics = z
  .object({
    items: z
      .array(
        z.object({
          name: z.string(),
          help: z.string(),
          type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
          values: z
            .array(
              z.object({
                name: z.string().optional(),
                labels: z.record(z.string(), z.string()).readonly(),
                value: z.number().nullable(),
              }),
            )
            .readonly(),
        }),
      )
      .readonly(),
  })
  .openapi('Metrics');

const packet = z.object({
  source: z.string().openapi({ description: 'an address; `node`: one of the node, which routing chooses' }),
  destination: z.string(),
  protocol: z.string(),
  port: z.int(),
});

const step = z.object({
  hook: z.string(),
  rule: z.string(),
  object: z.string().nullable(),
  verdict: z.string(),
  reason: z.string(),
  before: packet,
  after: z.array(packet).readonly(),
});

const ends = z.object({ from: z.string(), to: z.string() });
const connectionEnds = z.object({ source: z.string(), destination: z.string() });

export const walk = z
  .object({
    node: z.string(),
    packet: packet.extend({ sourcePort: z.int().nullable(), inputInterface: z.string().nullable() }),
    verdict: z.string(),
    steps: z.array(step).readonly(),
    paths: z
      .array(
        z.object({
          endpoint: z.string(),
          snat: z.string().nullable(),
          snatPort: z
            .union([z.int(), z.literal('free')])
            .nullable()
            .openapi({ description: 'what the source port becomes; free: at random one that nobody owns' }),
          steps: z.array(step).readonly(),
          after: packet,
          reply: z.object({ sent: ends, seen: ends, returns: z.string() }),
        }),
      )
      .readonly(),
    conflicts: z
      .array(z.object({ key: z.string(), winner: z.string(), losers: texts, because: z.string() }))
      .readonly(),
    existing: z
      .array(
        z.object({
          original: connectionEnds,
          reply: connectionEnds,
          timeoutSeconds: z.number().nullable(),
        }),
      )
      .readonly()
      .nullable()
      .openapi({
        description: 'connections like the packet that exist and keep their translation; null: not known',
      }),
    unknown: z.array(z.object({ about: z.string(), reason: z.string() })).readonly(),
    hints: z
      .array(z.object({ about: z.string(), object: z.string().nullable(), reason: z.string() }))
      .readonly()
      .openapi({
        description:
          'what nearly was and is not: the right address with another port, a pod that is not ready',
      }),
  })
  .openapi('Walk');

export const lines = z
  .array(
    z
      .array(z.object({ text: z.string(), tone: z.enum(['plain', 'dim', 'good', 'bad', 'strong']) }))
      .readonly(),
  )
  .readonly()
  .openapi('Lines');

const counts = {
  missing: count.openapi({ description: 'elements that are wanted and not in the kernel' }),
  surplus: count.openapi({ description: 'elements that are in the kernel and not wanted' }),
};

const owner = z.string().nullable().openapi({ description: 'Service shop/web' });

export const difference = z
  .object({
    equal: z.boolean(),
    skeleton: z.enum(['intact', 'absent', 'other']).openapi({
      description: 'tables, chains and rules; other: of another version or settings, or edited by somebody',
    }),
    rulesCompared: z.boolean().openapi({ description: 'chains and rules were compared, each: always true' }),
    ...counts,
    groups: z
      .array(
        z
          .object({
            owner: z.enum(['object', 'shared', 'nobody']).openapi({
              description: 'shared: of several objects together; nobody: no entry of the plan has them',
            }),
            object: owner,
            ...counts,
          })
          .readonly(),
      )
      .readonly(),
    elements: z
      .array(
        z
          .object({
            what: z.enum(['missing', 'surplus']),
            object: owner,
            key: z.string().nullable().openapi({ description: 'of the entry, as /entries has it' }),
            element: z
              .string()
              .openapi({ example: 'ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }' }),
          })
          .readonly(),
      )
      .readonly()
      .openapi({ description: 'in the order of the groups, up to the limit' }),
  })
  .openapi('Difference');
