import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { printableJson } from '../../model/printable.ts';
import { failure } from './schemas.ts';
import { StillReading } from './still-reading.ts';

/** Routes of the API, all of them GET: nothing can be changed through it. */
export type Api = OpenAPIHono;

export function createApi(): Api {
  const app = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return undefined;
      const details = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      const message = details[0] ?? 'the question cannot be understood';
      return jsonAnswer(context, { code: 'KNAT_INVALID_INPUT', message, details: details.slice(1) }, 400);
    },
  });
  app.onError(answerError);
  return app;
}

/** The form of every error of the API. */
export function answerError(error: Error, context: Context): Response {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'KNAT_INTERNAL';
  const details = 'details' in error ? error.details : [];
  if (error instanceof StillReading) context.header('Retry-After', '2');
  return jsonAnswer(context, { code, message: error.message, details }, statusOf(error, code));
}

/** Text of others stands in it so that it does nothing to the terminal of whoever asks with curl. */
function jsonAnswer(context: Context, data: unknown, status: 200 | 400 | 500 | 503): Response {
  return context.body(printableJson(JSON.stringify(data)), status, { 'Content-Type': 'application/json' });
}

function statusOf(error: Error, code: string): 400 | 500 | 503 {
  if (error instanceof StillReading) return 503;
  return code === 'KNAT_INVALID_INPUT' ? 400 : 500;
}

/** What a route is asked and what it answers. */
export interface Route<Query extends z.ZodObject, Answer extends z.ZodType> {
  readonly path: string;
  readonly summary: string;
  readonly query: Query;
  readonly answer: Answer;
  /** Throws an error with a code for what is wrong with the question. */
  readonly handle: (query: z.output<Query>) => z.input<Answer> | Promise<z.input<Answer>>;
}

/** Adds a route: the question is checked before, the answer by the compiler. */
export function get<Query extends z.ZodObject, Answer extends z.ZodType>(
  app: Api,
  { path, summary, query, answer, handle }: Route<Query, Answer>,
): void {
  const json = (schema: z.ZodType, description: string) => ({
    description,
    content: { 'application/json': { schema } },
  });
  const route = createRoute({
    method: 'get',
    path,
    summary,
    request: { query },
    responses: {
      200: json(answer, summary),
      400: json(failure, 'the question cannot be understood'),
      503: json(failure, 'the agent is still reading its source'),
    },
  });
  app.openapi(route, async (context) => {
    const asked = context.req.valid('query' as never) as z.output<Query>;
    return jsonAnswer(context, await handle(asked), 200) as never;
  });
}

/** Answers of any length, a line of JSON each. */
export interface LinesRoute {
  readonly path: string;
  readonly summary: string;
  /** For the description alone: `handle` reads the query, and refuses what it does not know. */
  readonly query: z.ZodObject;
  /** What each line is. */
  readonly line: z.ZodType;
  /** Throws an error with a code for what is wrong with the question. */
  readonly handle: (context: Context) => Response;
}

/** Adds a route whose answer is written while it is made. */
export function getLines(app: Api, { path, summary, query, line, handle }: LinesRoute): void {
  app.openAPIRegistry.registerPath({
    method: 'get',
    path,
    summary,
    request: { query },
    responses: {
      200: { description: `${summary}.`, content: { [LINES]: { schema: line } } },
      400: {
        description: 'the question cannot be understood',
        content: { 'application/json': { schema: failure } },
      },
      503: {
        description: 'the agent is still reading its source',
        content: { 'application/json': { schema: failure } },
      },
    },
  });
  app.get(path, handle);
}

/** JSON, one text a line (https://github.com/ndjson/ndjson-spec). */
export const LINES = 'application/x-ndjson';

/** A query without parameters. */
export const nothing = z.object({});

/** A number in a query. */
export function number(least: number, greatest: number, fallback: number) {
  return z.coerce.number().int().min(least).max(greatest).default(fallback);
}

/** A page of a list by offset, and what stands anywhere in an item. */
export const offsetPage = z.object({
  search: z.string().max(200).default('').openapi({ description: 'stands anywhere in it, in any case' }),
  offset: number(0, 1_000_000, 0),
  limit: number(1, 1000, 100),
});

/** The page of the items whose text contains what is searched for. */
export function pageOfItems<Item>(
  all: Iterable<Item>,
  { search, offset, limit }: z.output<typeof offsetPage>,
  textOf: (item: Item) => string,
): { items: Item[]; total: number } {
  const wanted = search.toLowerCase();
  const fitting = [...all].filter((item) => wanted === '' || textOf(item).toLowerCase().includes(wanted));
  return { items: fitting.slice(offset, offset + limit), total: fitting.length };
}
