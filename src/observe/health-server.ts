import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { REQUEST_LIMITS } from './connections.ts';
import { type HealthFacts, healthAnswer } from './health.ts';
import { keepListening, type ListenAddress, type ListeningListener, type Served } from './listening.ts';

export interface HealthListener extends ListeningListener {
  answered?(path: string, status: number): void;
}

const SERVED: Served = { what: 'health', option: '--health-address', rival: ', perhaps kube-proxy' };

/** Load balancers that get no answer here remove the node within seconds: the port is retried every second. */
export const PROXY_HEALTH: Served = { ...SERVED, option: '--proxy-health-address', retryMost: 1_000 };

/** Serves only `/livez`, `/readyz` and `/healthz`. */
export async function serveHealth(
  address: ListenAddress,
  facts: () => HealthFacts,
  listener: HealthListener,
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  served: Served = SERVED,
): Promise<void> {
  await keepListening(address, served, () => healthServer(facts, listener), listener, sleep, signal);
}

function healthServer(facts: () => HealthFacts, listener: HealthListener): Server {
  return createServer(REQUEST_LIMITS, (request, response) => respond(request, response, facts, listener));
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  facts: () => HealthFacts,
  { answered }: HealthListener,
): void {
  request.resume();
  const path = (request.url ?? '').replace(/\?.*$/, '');
  const answer = healthAnswer(path, facts());
  const isAsked = request.method === 'GET' || request.method === 'HEAD';
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Connection', 'close');
  if (answer === null || !isAsked) {
    response.writeHead(answer === null ? 404 : 405, answer === null ? {} : { Allow: 'GET, HEAD' }).end();
    return;
  }
  answered?.(path, answer.status);
  response.writeHead(answer.status, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(answer.body)}\n`);
}
