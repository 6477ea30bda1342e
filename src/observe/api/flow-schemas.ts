import { z } from '@hono/zod-openapi';

const count = z.int().min(0);

export const natKind = z.enum(['service', 'pod', 'egress', 'other']);

const direction = z.object({ source: z.string(), destination: z.string() }).readonly();

const nat = {
  kind: natKind,
  object: z.string().nullable().openapi({ description: '`Service shop/web`; null: no single object' }),
};

/** `FlowReport`: a line of `/flows`, an item of `knat flows -o json`. */
export const flowReport = z
  .object({
    protocol: z.string().openapi({ description: '`TCP`, `UDP`, `ICMP`, …; a number for others' }),
    original: direction.openapi({ description: 'as the first packet came' }),
    reply: direction.openapi({ description: 'as a reply comes, before it is translated back' }),
    from: z.string().nullable().openapi({ description: 'who began it: `Pod shop/web-0`' }),
    to: z.string().nullable().openapi({ description: 'who answers, after translation' }),
    destinationNat: z
      .object({ ...nat, frontend: z.string(), endpoint: z.string() })
      .readonly()
      .nullable(),
    sourceNat: z
      .object({ ...nat, address: z.string() })
      .readonly()
      .nullable(),
    stale: z.string().nullable().openapi({ description: 'why it would be translated otherwise now' }),
    replied: z.boolean(),
    ageSeconds: count.nullable().openapi({ description: 'null without nf_conntrack_timestamp' }),
    timeoutSeconds: count.nullable(),
    packets: count.nullable().openapi({ description: 'null without nf_conntrack_acct' }),
    bytes: count.nullable(),
    id: count,
    zone: count,
  })
  .readonly()
  .openapi('Flow');

/**
 * What `knat flows -o json` prints.
 * @internal used by tests alone
 */
export const flowReports = z.array(flowReport).readonly();

/** The last line of a listing. */
const flowsEnd = z
  .object({
    end: z
      .object({
        looked: count,
        listed: count,
        cut: z.boolean().openapi({ description: 'the limit was reached before the end of the table' }),
        stale: count,
        accounting: z.boolean(),
      })
      .readonly(),
  })
  .readonly()
  .openapi('FlowsEnd');

/** One line of `/flows`. */
export const flowLine = z.union([flowReport, flowsEnd]);

/** One line of `/flows/watch`. */
export const flowEvent = z
  .union([
    z.object({ event: z.enum(['new', 'update', 'destroy']), flow: flowReport }).readonly(),
    z.object({ event: z.literal('lost') }).readonly(),
  ])
  .openapi('FlowEvent');

/** Which flows: questions as texts, which flows/question.ts reads and refuses. */
export const flowQuestion = z.object({
  pod: z.string().optional().openapi({ description: 'that this Pod began or answers: NAMESPACE/NAME' }),
  service: z.string().optional().openapi({ description: 'that this Service translates: NAMESPACE/NAME' }),
  protocol: z.string().optional().openapi({ description: 'a name or an IANA number' }),
  address: z.string().optional().openapi({ description: 'an address or a CIDR, anywhere in the flow' }),
  search: z.string().optional().openapi({ description: 'text in an address or a name, or a CIDR' }),
  kind: z.string().optional().openapi({ description: 'with commas: service, pod, egress, other, none' }),
  stale: z.string().optional().openapi({ description: 'true: those that would be translated otherwise now' }),
  limit: z.string().optional().openapi({ description: 'at most so many' }),
  format: z.string().optional().openapi({
    description: 'ndjson, or tsv: the cells of the table of `knat flows`, with tabs between them',
  }),
});

/**
 * What `knat explain --flows FILE -o json` prints: an answer for each flow, in their order.
 * @internal used by tests alone
 */
export const flowAnswers = z
  .array(
    z
      .object({
        verdict: z.enum(['dnat', 'snat', 'none', 'drop', 'reject']),
        endpoints: z
          .array(z.string())
          .readonly()
          .openapi({ description: 'with dnat: all that may be chosen, sorted; `[fd00::7]:8080`' }),
        masq: z.boolean().openapi({ description: 'the source is rewritten, whichever endpoint is chosen' }),
        snat: z
          .string()
          .nullable()
          .openapi({ description: 'what the source becomes; `node`: an address of the node' }),
        because: z.string(),
      })
      .readonly(),
  )
  .readonly();
