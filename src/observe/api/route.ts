import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { BodyShares } from '../../base/body-shares.ts';
import { failure } from '../../forms/findings.ts';
import type { AnswerRoute, LinesRoute, OffsetPage, PostedRoute } from '../../forms/routes.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import { printableJson } from '../../model/printable.ts';
import { peerByAddress } from '../connections.ts';
import { InvalidQuery } from '../invalid-query.ts';
import { StillReading } from './still-reading.ts';

/** No route changes anything; some take a question that is too long for an address. */
export type Api = OpenAPIHono;

export function createApi(): Api {
  const app = new OpenAPIHono();
  app.onError(answerError);
  return app;
}

export function answerError(error: Error, context: Context): Response {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'KNAT_INTERNAL';
  const details = 'details' in error ? error.details : [];
  if (statusOf(error, code) === 503) context.header('Retry-After', '2');
  return jsonAnswer(context, { code, message: error.message, details }, statusOf(error, code));
}

type ErrorStatus = 400 | 409 | 413 | 415 | 422 | 500 | 503;

/** Escapes foreign text, so that it cannot control the terminal of a curl user. */
function jsonAnswer(context: Context, data: unknown, status: 200 | ErrorStatus): Response {
  return context.body(printableJson(JSON.stringify(data)), status, { 'Content-Type': 'application/json' });
}

/** A request that HTTP itself refuses. */
class RefusedRequest extends Error {
  readonly code = 'KNAT_INVALID_INPUT';
  override readonly name = 'RefusedRequest';
  readonly status: 413 | 415 | 503;
  constructor(status: 413 | 415 | 503, message: string) {
    super(message);
    this.status = status;
  }
}

/** The same question may have an answer later. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  'KNAT_AGENT_BUSY',
  'KNAT_WHAT_IF_BUSY',
  'KNAT_HISTORY_LIMIT',
]);

function statusOf(error: Error, code: string): ErrorStatus {
  if (error instanceof StillReading || UNAVAILABLE.has(code)) return 503;
  if ('status' in error && error.status === 409) return 409;
  if (error instanceof RefusedRequest) return error.status;
  if (code === 'KNAT_WHAT_IF_LIMIT') return 422;
  return code === 'KNAT_INVALID_INPUT' ? 400 : 500;
}

/** The question is checked here, the answer by the compiler. `handle` throws if the question is wrong. */
export function answer<Query extends z.ZodObject, Answer extends z.ZodType>(
  app: Api,
  route: AnswerRoute<string, Query, Answer>,
  handle: (question: z.output<Query>) => z.input<Answer> | Promise<z.input<Answer>>,
): void {
  describe(app, route, 'application/json', route.answer);
  app.get(route.path, async (context) =>
    jsonAnswer(context, await handle(questionOf(route.query, context.req.query())), 200),
  );
}

/** Answers in lines, at the reader's speed; a reader that leaves aborts the signal. `handle` reads the question. */
export function answerLines(
  app: Api,
  route: LinesRoute,
  handle: (question: Readonly<Record<string, string>>, signal: AbortSignal) => AsyncIterable<Uint8Array>,
): void {
  describe(app, route, LINES, route.line);
  app.get(route.path, (context) => {
    const stop = new AbortController();
    const body = streamOf(handle(context.req.query(), stop.signal), (isOver) => {
      if (isOver) stop.abort();
    });
    return new Response(body, { headers: { 'content-type': LINES } });
  });
}

/** Bytes of a posted question. */
const LARGEST_POSTED = limits['posted-question-bytes'].most;

/** The bodies of questions that are being received, of all routes. */
const bodies = new BodyShares(limits['posted-bodies-bytes'].most);

/**
 * An answer in pieces, to a question that was received as a whole, so a client that sends slowly holds nothing but its
 * connection; the answer is over when `end` is called.
 */
export function answerPosted(
  app: Api,
  route: PostedRoute,
  handle: (
    question: Uint8Array,
    signal: AbortSignal,
  ) => Promise<{ readonly pieces: AsyncIterable<Uint8Array>; end(): void }>,
): void {
  const { path, summary, question, posted } = route;
  app.openAPIRegistry.registerPath({
    method: 'post',
    path,
    summary,
    request: { body: { required: true, content: { 'application/json': { schema: question } } } },
    responses: responsesOf(summary, 'application/json', posted),
  });
  app.post(path, async (context) => {
    const { raw } = context.req;
    // Pages of others can send other types without being asked about it.
    if (!/^application\/json\s*(;|$)/i.test(raw.headers.get('content-type') ?? '')) {
      throw new RefusedRequest(415, 'a question is posted with Content-Type: application/json');
    }
    const question = await bytesOf(raw, clientOf(context));
    const { pieces, end } = await handle(question, raw.signal);
    const body = streamOf(endingWith(pieces, end), (isOver) => {
      if (isOver) end();
    });
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  });
}

async function* endingWith<Piece>(pieces: AsyncIterable<Piece>, end: () => void): AsyncGenerator<Piece> {
  try {
    yield* pieces;
  } finally {
    end();
  }
}

/** Clients of one source share what bodies may take. Without a connection there is one client, as in a test. */
function clientOf({ env }: Context): string {
  const { incoming } = (env ?? {}) as Partial<HttpBindings>;
  return incoming === undefined ? '' : peerByAddress(incoming.socket).source;
}

async function bytesOf(request: Request, client: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  try {
    for (;;) {
      const { value } = (await reader?.read()) ?? {};
      if (value === undefined) return Buffer.concat(pieces);
      length += value.length;
      const hasShare = bodies.take(client, value.length, length);
      if (length > LARGEST_POSTED) {
        limitReached('posted-question-bytes');
        throw new RefusedRequest(413, `a question has at most ${LARGEST_POSTED >> 20} MiB`);
      }
      if (!hasShare) {
        limitReached('posted-bodies-bytes');
        throw new RefusedRequest(503, 'others send long questions: ask again in a moment');
      }
      pieces.push(value);
    }
  } finally {
    bodies.giveBack(client, length);
  }
}

/**
 * The pieces as a body, made at the reader's speed.
 *
 * @param progress called after each piece; with true at the end, also when the reader leaves
 */
export function streamOf(
  made: AsyncIterable<string | Uint8Array>,
  progress: (isOver: boolean) => void,
): ReadableStream<Uint8Array> {
  const pieces = made[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done: isOver = false } = await pieces.next().catch((error: unknown) => {
        progress(true);
        throw error;
      });
      if (value !== undefined) controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
      progress(isOver);
      if (isOver) controller.close();
    },
    cancel: async () => {
      progress(true);
      await pieces.return?.();
    },
  });
}

/** A JSON text per line (https://github.com/ndjson/ndjson-spec). */
export const LINES = 'application/x-ndjson';

/** Throws InvalidQuery. */
export function questionOf<Query extends z.ZodObject>(
  query: Query,
  given: Readonly<Record<string, string>>,
): z.output<Query> {
  const read = query.safeParse(given);
  if (read.success) return read.data;
  const [first = 'the question cannot be understood', ...details] = read.error.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );
  throw new InvalidQuery(first, details);
}

function describe(
  app: Api,
  { path, summary, query }: Pick<AnswerRoute, 'path' | 'summary' | 'query'>,
  type: string,
  answer: z.ZodType,
): void {
  app.openAPIRegistry.registerPath({
    method: 'get',
    path,
    summary,
    request: { query },
    responses: responsesOf(summary, type, answer),
  });
}

function responsesOf(summary: string, type: string, answer: z.ZodType) {
  const refusal = (description: string) => ({
    description,
    content: { 'application/json': { schema: failure } },
  });
  return {
    200: { description: `${summary}.`, content: { [type]: { schema: answer } } },
    400: refusal('the question cannot be understood'),
    503: refusal('the agent is still reading its source, or answers another such question'),
  };
}

/** The page of the items whose text contains the search text. */
export function pageOfItems<Item>(
  all: Iterable<Item>,
  { search, offset, limit }: OffsetPage,
  textOf: (item: Item) => string,
): { items: Item[]; total: number } {
  const wanted = search.toLowerCase();
  const fitting = [...all].filter((item) => wanted === '' || textOf(item).toLowerCase().includes(wanted));
  return { items: fitting.slice(offset, offset + limit), total: fitting.length };
}
