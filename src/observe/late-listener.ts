import type { RequestListener } from 'node:http';

/**
 * Answers with a listener that is made at the first request: what answers HTTP is a third of an agent's memory at rest,
 * and many agents are never asked. Making it holds the agent up once, for some tens of milliseconds.
 */
export function lateListener(make: () => Promise<RequestListener>): RequestListener {
  let made: Promise<RequestListener> | null = null;
  return async (request, response) => {
    made ??= make();
    try {
      (await made)(request, response);
    } catch {
      made = null;
      response.writeHead(500).end();
    }
  };
}
