import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HealthFacts, healthAnswer } from './health.ts';

/** Where the health endpoints are served. */
export interface HealthAddress {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

export interface HealthListener {
  /** It answers now. */
  listening(address: HealthAddress): void;
  /** Once for each reason: the address cannot be had; it is tried again. */
  refused(message: string): void;
  /** One of the paths was asked for. */
  answered?(path: string, status: number): void;
}

/** Waits between attempts to listen, in milliseconds. */
const RETRY_FIRST = 1_000;
const RETRY_LONGEST = 30_000;

/** Connections at once; whoever wants more is turned away. */
const CONNECTIONS = 64;

/**
 * Serves `/livez`, `/readyz` and `/healthz` and nothing else until the signal aborts. An address that another program
 * has is tried again: the other may be a kube-proxy that is about to be removed.
 */
export async function serveHealth(
  address: HealthAddress,
  facts: () => HealthFacts,
  listener: HealthListener,
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let told = '';
  for (let wait = RETRY_FIRST; !signal.aborted; wait = Math.min(wait * 2, RETRY_LONGEST)) {
    try {
      const server = await listen(address, facts, listener);
      const { port } = server.address() as AddressInfo;
      listener.listening({ ...address, port });
      return await closedAtAbort(server, signal);
    } catch (error) {
      const message = refusal(address, error as NodeJS.ErrnoException);
      if (message !== told) listener.refused(message);
      told = message;
      await sleep(wait, signal);
    }
  }
}

function listen(
  { host, port }: HealthAddress,
  facts: () => HealthFacts,
  listener: HealthListener,
): Promise<Server> {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) =>
    respond(request, response, facts, listener),
  );
  server.maxConnections = CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      server.on('error', () => {}); // of accept(2): the next connection may do
      resolve(server);
    });
  });
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

function closedAtAbort(server: Server, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const close = () => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
}

function refusal({ host, port }: HealthAddress, error: NodeJS.ErrnoException): string {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const why =
    error.code === 'EADDRINUSE'
      ? 'another program listens there, perhaps kube-proxy: stop it'
      : error.code === 'EADDRNOTAVAIL'
        ? 'this network namespace does not have the address'
        : error.message;
  return `health cannot be served on ${place}: ${why}, or choose another with --health-address`;
}
