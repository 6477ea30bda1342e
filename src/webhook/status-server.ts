import { createServer, type Server } from 'node:http';
import { REQUEST_LIMITS } from '../observe/connections.ts';

export interface StatusFacts {
  /** Why the replica should get no reviews; null: it is ready. */
  readonly unready: () => string | null;
  readonly metrics: () => Promise<{ readonly type: string; readonly body: string }>;
}

/** `/livez`, `/readyz`, `/healthz` (as `/readyz`) and `/metrics`, for everyone who can reach the port. */
export function statusServer({ unready, metrics }: StatusFacts): Server {
  return createServer(REQUEST_LIMITS, async (request, response) => {
    request.resume();
    response.setHeader('Connection', 'close');
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' }).end(body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, '');
    switch ((request.url ?? '').replace(/\?.*$/, '')) {
      case '/livez':
        return answer(200, 'ok\n');
      case '/readyz':
      case '/healthz': {
        const why = unready();
        return answer(why === null ? 200 : 503, `${why ?? 'ok'}\n`);
      }
      case '/metrics': {
        const { type, body } = await metrics();
        return answer(200, body, type);
      }
      default:
        return answer(404, '');
    }
  });
}
