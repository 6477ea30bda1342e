import type { Hono } from 'hono';
import type { FlowsView } from './flows-view.ts';

/** The routes of those who read conntrack. Nothing here changes anything. */
export function flowsRoutes(app: Hono, flows: FlowsView): void {
  app.get('/v1/flows', (context) => lines(flows.list(context.req.query())));
  app.get('/v1/flows/watch', (context) => {
    const stop = new AbortController();
    return lines(flows.watch(context.req.query(), stop.signal), () => stop.abort());
  });
  app.get('/v1/flows/rates', async (context) => context.json(await flows.rates(context.req.query())));
  app.get('/v1/flows/ports', (context) => context.json(flows.ports()));
  app.get('/v1/flows/who', async (context) => context.json(await flows.who(context.req.query())));
}

/** As fast as the reader takes them; one who goes away ends the work. */
function lines(pieces: AsyncIterable<string>, gone: () => void = () => {}): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      gone();
      await iterator.return?.();
    },
  });
  return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } });
}
