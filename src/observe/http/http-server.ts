import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { HANDSHAKE_TIMEOUT, REQUEST_LIMITS } from '../connections.ts';
import { lateListener } from '../late-listener.ts';
import { keepListening, type ListenAddress, type ListeningListener, type Served } from '../listening.ts';
import { keepKeyPair, keyPairTrouble, readKeyPair, type TlsPaths } from './tls-files.ts';

const REQUESTS_PER_CONNECTION = 1_000;
/** Milliseconds before a silent connection is cut. */
const STILL = 30_000;

export interface HttpServing {
  readonly address: ListenAddress;
  readonly served: Served;
  /** Called at the first request. */
  readonly site: () => Promise<Hono<{ Bindings: HttpBindings }>>;
  readonly tls: TlsPaths | null;
}

export interface HttpListener extends ListeningListener {
  /** What is wrong with the TLS files; null: they are usable again. */
  tls(trouble: string | null): void;
}

/** Serves until the signal aborts. Failures are passed to the listener and retried. */
export async function serveHttp(
  { address, served, site, tls }: HttpServing,
  listener: HttpListener,
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const answer = lateListener(async () => {
    const { getRequestListener } = await import('@hono/node-server');
    return getRequestListener((await site()).fetch, { overrideGlobalObjects: false });
  });
  const handle: RequestListener = (request, response) => {
    // Bodies are not read: a request with a body ends the connection.
    if (
      request.headers['content-length'] !== undefined ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      response.setHeader('Connection', 'close');
    }
    void answer(request, response);
  };
  let watchFiles = () => {};
  const make = async () => {
    if (tls === null) return limited(createServer(REQUEST_LIMITS, handle));
    const pair = await readKeyPair(tls).catch((error: unknown) => {
      listener.tls(keyPairTrouble(tls, error));
      throw new Error('the files of TLS cannot be used');
    });
    listener.tls(null);
    const limits = { ...REQUEST_LIMITS, handshakeTimeout: HANDSHAKE_TIMEOUT };
    const server = createTlsServer({ ...limits, ...pair }, handle);
    watchFiles = () => void keepKeyPair(server, tls, pair, (why) => listener.tls(why), sleep, signal);
    return limited(server);
  };
  const listening = (where: ListenAddress) => {
    watchFiles();
    listener.listening(where);
  };
  await keepListening(address, served, make, { ...listener, listening }, sleep, signal);
}

function limited<Kind extends Server & { maxRequestsPerSocket: number | null; timeout: number }>(
  server: Kind,
): Kind {
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  server.timeout = STILL;
  return server;
}
