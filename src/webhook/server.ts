import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { BodyShares } from '../base/body-shares.ts';
import {
  type ConnectionBounds,
  HANDSHAKE_TIMEOUT,
  peerByAddress,
  REQUEST_LIMITS,
} from '../observe/connections.ts';
import type { KeyedCertificate } from './certificate.ts';
import { type ReviewAnswer, type ReviewRequest, readReview, reviewAnswer } from './review.ts';
import { Turns } from './turns.ts';

/** The path of the webhook's `clientConfig.service`. */
export const REVIEW_PATH = '/review';

/** Bytes of one review: two versions of an object, of at most 3 MiB each. */
const BODY_LIMIT = 8 << 20;
/** Bytes of the reviews that are being received: above this, each source has its share. */
const BODIES_LIMIT = 24 << 20;

/** API servers are few and open a connection for each review; anybody else in the cluster can connect too. */
export const REVIEW_BOUNDS: ConnectionBounds = { near: 64, far: 256, perSource: 64 };

const TURN_LIMITS = { perSource: 32, total: 128 };

/** Why a request got no review. */
export type Refusal = 'not a review' | 'too large' | 'busy';

export interface ReviewServerParts {
  readonly review: (request: ReviewRequest) => ReviewAnswer;
  readonly refused: (why: Refusal) => void;
}

/**
 * Serves reviews over TLS. Bodies are bounded in size and time; reviews run one at a time, in turn by source address; a
 * connection carries one request, so a renewed certificate counts at once and no idle connection is closed under a request.
 */
export class ReviewServer {
  readonly #parts: ReviewServerParts;
  readonly #turns = new Turns(TURN_LIMITS);
  readonly #bodies = new BodyShares(BODIES_LIMIT);
  readonly #servers = new Set<Server>();
  #certificate: KeyedCertificate;

  constructor(certificate: KeyedCertificate, parts: ReviewServerParts) {
    this.#certificate = certificate;
    this.#parts = parts;
  }

  /** For connections from now on. */
  serve(certificate: KeyedCertificate): void {
    this.#certificate = certificate;
    for (const server of this.#servers) server.setSecureContext(contextOf(certificate));
  }

  /** A server that is ready to listen. */
  make(): Server {
    const options = { ...REQUEST_LIMITS, handshakeTimeout: HANDSHAKE_TIMEOUT };
    const server = createServer({ ...options, ...contextOf(this.#certificate) }, (request, response) => {
      void this.#receive(request, response);
    });
    server.on('tlsClientError', (_, socket) => socket.destroy());
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    return server;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Connection', 'close');
    response.on('error', () => {}); // the client has gone
    if (request.method !== 'POST' || request.url?.replace(/\?.*$/, '') !== REVIEW_PATH) {
      request.resume();
      response.writeHead(404).end();
      return;
    }
    const { source } = peerByAddress(request.socket);
    const body = await this.#bodyOf(request, source);
    if (body === 'gone') return;
    if (body === 'too large' || body === 'busy') return this.#refuse(response, body);
    const isTaken = this.#turns.take(source, () => {
      // Who does not wait any more needs no answer.
      if (!response.destroyed) this.#respond(body, response);
    });
    if (!isTaken) this.#refuse(response, 'busy');
  }

  async #bodyOf(request: IncomingMessage, source: string): Promise<Buffer | 'too large' | 'busy' | 'gone'> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        const hasShare = this.#bodies.take(source, chunk.length, length);
        if (length > BODY_LIMIT) return 'too large';
        if (!hasShare) return 'busy';
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch {
      return 'gone';
    } finally {
      this.#bodies.giveBack(source, length);
    }
  }

  #respond(body: Buffer, response: ServerResponse): void {
    const request = readReview(parsed(body));
    if (typeof request === 'string') {
      this.#refuse(response, 'not a review', request);
      return;
    }
    const text = JSON.stringify(reviewAnswer(request.uid, this.#parts.review(request)));
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  }

  #refuse(response: ServerResponse, why: Refusal, text: string = why): void {
    this.#parts.refused(why);
    const status = { 'not a review': 400, 'too large': 413, busy: 503 }[why];
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  }
}

function contextOf({ certificate, key }: KeyedCertificate) {
  return { cert: certificate, key, minVersion: 'TLSv1.2' } as const;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
