import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { API_PATH } from '../../forms/request.ts';
import { entryFilter, POSTED_PATHS, routes } from '../../forms/routes.ts';
import { listEntries } from '../api/entry-list.ts';
import { filterOf, readEntryQuestion, wantedRefusals } from '../api/entry-query.ts';
import { type Api, answerError, questionOf, streamOf } from '../api/route.ts';
import { describeApi } from '../api/routes.ts';
import { requirePlan } from '../api/still-reading.ts';
import type { AgentView } from '../api/view.ts';
import { healthAnswer } from '../health.ts';
import { InvalidQuery, validQuery } from '../invalid-query.ts';
import { refusals } from '../refusals.ts';
import type { Gate } from './gate.ts';
import { pageFiles } from './page.ts';

export interface SiteParts {
  readonly api: Api;
  readonly view: AgentView;
  readonly gate: Gate;
  readonly openMetrics: boolean;
}

type Environment = { Bindings: HttpBindings };
type Site = Hono<Environment>;

/** Restrictions for browsers; the page adds further ones. */
const HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** A request for it does something: pages of other sites may not send it. */
const TRACE_PATH = `${API_PATH}${routes.trace.path}`;

/** For kubelets and load balancers, which send no token: the answers reveal only the health. */
const HEALTH_PATHS = ['/healthz', '/ping', '/ready', '/livez', '/readyz'] as const;

/** For `--metrics-address`. */
export function metricsSite(parts: SiteParts): Site {
  const site = bare(parts, parts.openMetrics ? ['/metrics'] : []);
  addMetrics(site, parts.view);
  return site;
}

/** For `--http-address`. */
export function wholeSite(parts: SiteParts): Site {
  const { view, api } = parts;
  const site = bare(parts, HEALTH_PATHS);
  addHealth(site, view);
  addMetrics(site, view);
  addEntryList(site, view);
  site.get('/openapi.json', (context) => context.json(describeApi(api, view.status().version)));
  site.route(API_PATH, api);
  const page = pageFiles();
  if (page !== null) site.get('*', page);
  return site;
}

/** Paths of questions that are too long for an address; they change nothing either. */
const POSTED: ReadonlySet<string> = new Set(POSTED_PATHS.map((path) => API_PATH + path));

/** A read-only site without paths; the gate checks every path that is not open. */
function bare({ gate, view }: SiteParts, open: readonly string[]): Site {
  const site: Site = new Hono();
  site.use(guarded(gate, view, new Set(open)));
  site.notFound((context) => refuse(context, 404, 'there is nothing at this path'));
  site.onError(answerError);
  return site;
}

function guarded(gate: Gate, view: AgentView, open: ReadonlySet<string>): MiddlewareHandler<Environment> {
  const { metrics } = view.observations;
  return async (context, next) => {
    const { method, path } = context.req;
    let answer: Response | undefined;
    const isPosted = POSTED.has(path);
    if (isPosted ? method !== 'POST' : method !== 'GET' && method !== 'HEAD') {
      answer = refuse(context, 405, isPosted ? 'ask with POST' : 'everything here is read-only: use GET');
      answer.headers.set('Allow', isPosted ? 'POST' : 'GET, HEAD');
    } else if (path === TRACE_PATH && isFromOtherSite(context.req.header('sec-fetch-site'))) {
      answer = refuse(context, 403, 'a page of another site may not start a trace');
    } else if (!open.has(path)) {
      const refusal = await gate.refusal({
        address: context.env.incoming.socket.remoteAddress,
        path,
        header: (name) => context.req.header(name),
      });
      if (refusal !== null) {
        answer = refuse(context, refusal.status, refusal.message);
        if (refusal.status === 401) answer.headers.set('WWW-Authenticate', 'Bearer');
        if (refusal.status === 429 || refusal.status === 503) answer.headers.set('Retry-After', '2');
      }
    }
    if (answer === undefined) await next();
    else context.res = answer;
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    }
    metrics.increment('knat_http_requests_total', { code: String(context.res.status) });
    return undefined;
  };
}

/** Browsers say of each request where it comes from; programs do not. */
function isFromOtherSite(site: string | undefined): boolean {
  return site === 'cross-site' || site === 'same-site';
}

function refuse(context: Context, status: 401 | 403 | 404 | 405 | 421 | 429 | 503, message: string) {
  return context.json({ code: 'KNAT_HTTP_REFUSED', message, details: [] }, status);
}

const READER_PATIENCE = 10_000;

/** podnat-controller's `pong` (docs/spec/pod-nat.md), and the answers of --health-address. */
function addHealth(site: Site, view: AgentView): void {
  const pong = (path: '/livez' | '/readyz') => (context: Context) => {
    const answer = healthAnswer(path, view.health());
    return context.text(
      answer?.status === 200 ? 'pong\n' : `${answer?.body.reason}\n`,
      answer?.status ?? 503,
    );
  };
  site.get('/healthz', pong('/livez'));
  site.get('/ping', pong('/livez'));
  site.get('/ready', pong('/readyz'));
  for (const path of ['/livez', '/readyz'] as const) {
    site.get(path, (context) => {
      const answer = healthAnswer(path, view.health());
      return context.json(answer?.body ?? {}, answer?.status ?? 503);
    });
  }
}

function addMetrics(site: Site, view: AgentView): void {
  site.get('/metrics', async (context) => {
    const { type, body } = await view.observations.metrics.text();
    return context.body(body, 200, { 'Content-Type': type });
  });
}

/** podnat-controller's list, unpaged, unlike the API's. One reader at a time. */
function addEntryList(site: Site, view: AgentView): void {
  /** Milliseconds since the epoch. Afterwards a stalled reader no longer blocks others. */
  let busyUntil = 0;
  site.get('/entries/list', (context) => {
    const { format = 'json', ...question } = context.req.query();
    if (format !== 'text' && format !== 'json') throw new InvalidQuery('format is json or text');
    const wanted = validQuery(readEntryQuestion(questionOf(entryFilter, question), 'everything'));
    requirePlan(view);
    if (view.now() < busyUntil) return refuse(context, 503, 'another client is reading the list; try again');
    const progress = (isOver: boolean) => {
      busyUntil = isOver ? 0 : view.now() + READER_PATIENCE;
    };
    const pieces = listEntries(
      view.plan,
      filterOf(wanted),
      wantedRefusals(wanted, refusals(view.status())),
      format,
    );
    const type = format === 'text' ? 'text/plain; charset=utf-8' : 'application/json';
    return context.body(streamOf(pieces, progress), 200, { 'Content-Type': type });
  });
}
