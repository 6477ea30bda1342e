import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { FlowsView } from '../../flows-view.ts';
import { flowEvent, flowLine, flowQuestion, natKind } from '../flow-schemas.ts';
import { type Api, get, getLines, LINES, nothing, number } from '../route.ts';
import type { Routes } from '../routes.ts';

const time = z.string().openapi({ description: 'RFC 3339', format: 'date-time' });
const rate = z.number().min(0);

const rates = z
  .object({
    seconds: z.number().openapi({ description: 'between the two looks' }),
    rates: z
      .array(
        z
          .object({
            kind: natKind,
            object: z.string(),
            flows: z.int().min(0),
            newFlowsPerSecond: rate,
            packetsPerSecond: rate.nullable().openapi({ description: 'null without accounting' }),
            bytesPerSecond: rate.nullable(),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

const newFlowsPerSecond = rate.nullable().openapi({ description: 'null at a first look' });

const pairs = z
  .object({
    flows: z.int().min(0).openapi({ description: 'translated connections' }),
    newFlowsPerSecond,
    left: z.int().min(0).openapi({ description: 'quieter pairs, not told of' }),
    pairs: z
      .array(
        z
          .object({
            kind: natKind,
            from: z.string(),
            to: z.string(),
            flows: z.int().min(0),
            newFlowsPerSecond,
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

const ports = z
  .object({
    at: time,
    milliseconds: z.number(),
    entries: z.int(),
    tuples: z
      .array(
        z
          .object({
            protocol: z.enum(['TCP', 'UDP', 'SCTP']),
            address: z.string(),
            destination: z.string(),
            destinationPort: z.int(),
            used: z.int(),
            capacity: z.int(),
            share: z.number(),
            sources: z.array(z.object({ name: z.string(), flows: z.int() }).readonly()).readonly(),
          })
          .readonly(),
      )
      .readonly(),
    uncertainty: z.int().openapi({ description: 'by how much `used` may be too low' }),
  })
  .readonly()
  .nullable()
  .openapi({ description: 'null before the first look' });

const who = z
  .object({
    asked: z.object({ address: z.string(), at: time, protocol: z.string().nullable() }).readonly(),
    flows: z
      .array(
        z
          .object({
            protocol: z.string(),
            source: z.string(),
            destination: z.string(),
            name: z.string().nullable(),
            since: time.nullable(),
            until: time.nullable(),
            certain: z.boolean(),
          })
          .readonly(),
      )
      .readonly(),
    gap: z.string().nullable(),
    logBegins: time.nullable(),
  })
  .readonly();

/** The routes of those who read conntrack. Nothing here changes anything. */
export function flowsRoutes(flows: FlowsView): Routes {
  return (app: Api) => {
    getLines(app, {
      path: '/flows',
      summary: 'The connections that are translated, a line each; the last line says how many were looked at',
      query: flowQuestion,
      line: flowLine,
      handle: (context) => lines(flows.list(context.req.query()), typeOf(context)),
    });
    getLines(app, {
      path: '/flows/watch',
      summary: 'Connections as they begin, change and end, a line each, until the reader goes away',
      query: flowQuestion,
      line: flowEvent,
      handle: (context) => {
        const stop = new AbortController();
        return lines(flows.watch(context.req.query(), stop.signal), typeOf(context), () => stop.abort());
      },
    });
    get(app, {
      path: '/flows/rates',
      summary: 'How much bindings, Services and pools translate, from two looks at the connections',
      query: z.object({ seconds: number(1, 60, 2).openapi({ description: 'between the looks' }) }),
      answer: rates,
      handle: async ({ seconds }) => await flows.rates(seconds),
    });
    get(app, {
      path: '/flows/pairs',
      summary: 'Who is translated to whom: the busiest frontends, bindings and pools, and where they lead',
      query: z.object({ limit: number(1, 1000, 40) }),
      answer: pairs,
      handle: async ({ limit }) => await flows.pairs(limit),
    });
    get(app, {
      path: '/flows/ports',
      summary: 'How full the source ports are, by address and destination; the fullest first',
      query: nothing,
      answer: ports,
      handle: () => flows.ports(),
    });
    get(app, {
      path: '/flows/who',
      summary: 'Who used this address and port at that time (from the attribution log)',
      query: z.object({
        address: z.string().openapi({ description: 'ADDRESS:PORT' }),
        at: z.string().optional().openapi({ description: 'RFC 3339; now where it is left out' }),
        protocol: z.string().optional(),
      }),
      answer: who,
      handle: async (question) => await flows.who(question),
    });
  };
}

function typeOf(context: Context): string {
  return context.req.query('format') === 'tsv' ? 'text/tab-separated-values; charset=utf-8' : LINES;
}

/** As fast as the reader takes them; one who goes away ends the work. */
function lines(pieces: AsyncIterable<Uint8Array>, type: string, gone: () => void = () => {}): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      gone();
      await iterator.return?.();
    },
  });
  return new Response(body, { headers: { 'content-type': type } });
}
