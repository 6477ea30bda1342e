import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import type { ApiAccess } from './access.ts';
import { ApiError, answeredError } from './api-error.ts';
import { IdleGuard } from './idle-guard.ts';
import type { Surroundings } from './surroundings.ts';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/v1/services`; already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  /** `application/json` when absent; patches have other types. */
  readonly contentType?: string;
  /** The form of the answer; `application/json` when absent. */
  readonly accept?: string;
}

const NOTHING = Buffer.alloc(0);

/** Bytes of an error answer that are read for its message. */
const ERROR_BODY_LIMIT = 64 * 1024;

/** Bytes of a JSON answer: a page of a list has 500 objects, the largest of some MiB. */
const ANSWER_LIMIT = limits['api-answer'].most;

/** A JSON answer that takes more milliseconds is aborted, even if data still arrives. */
const LONGEST_ANSWER = 300_000;

/** A connection without traffic is probed by the kernel after this many milliseconds. */
const KEEP_ALIVE = 30_000;

/**
 * Requests to the API server. Every failure is an ApiError, except the abort of the caller's signal, which is rethrown.
 * If credentials are refused (401), they are read again and the request is retried once.
 */
export class ApiClient {
  readonly #access: ApiAccess;
  readonly #surroundings: Surroundings;
  readonly #userAgent: string;

  constructor(access: ApiAccess, surroundings: Surroundings, userAgent = 'knat') {
    this.#access = access;
    this.#surroundings = surroundings;
    this.#userAgent = userAgent;
  }

  get server(): string {
    return this.#access.server;
  }

  /**
   * Fails after `idleMs` milliseconds without data, for an answer of more than `limit` bytes, and after
   * `LONGEST_ANSWER`.
   */
  async json(
    request: ApiRequest,
    signal: AbortSignal,
    idleMs: number,
    limit = ANSWER_LIMIT,
  ): Promise<unknown> {
    const chunks: Buffer[] = [];
    let length = 0;
    const started = this.#surroundings.now();
    for await (const chunk of this.chunks(request, signal, () => idleMs)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limit) {
        limitReached('api-answer');
        throw new ApiError('unusable', `the answer to ${request.path} is longer than ${limit} bytes`);
      }
      if (this.#surroundings.now() - started > LONGEST_ANSWER) {
        const message = `the answer to ${request.path} did not end within ${LONGEST_ANSWER / 1000} s`;
        throw new ApiError('silent', message);
      }
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch (error) {
      throw new ApiError('unusable', `the answer to ${request.path} is no JSON`, { cause: error });
    }
  }

  /**
   * The answer as it arrives; an empty chunk first when the request is accepted. Fails after `idleMs` milliseconds of
   * silence.
   */
  async *chunks(request: ApiRequest, signal: AbortSignal, idleMs: () => number): AsyncGenerator<Buffer> {
    const silent = new AbortController();
    const guard = new IdleGuard(idleMs, () => silent.abort(), this.#surroundings);
    const either = AbortSignal.any([signal, silent.signal]);
    let failure: 'unreachable' | 'broken' = 'unreachable';
    try {
      const answer = await this.#accepted(request, either);
      failure = 'broken';
      yield NOTHING;
      for await (const chunk of answer) {
        guard.touch();
        yield chunk as Buffer;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (silent.signal.aborted) {
        throw new ApiError('silent', `${this.server} said nothing for ${Math.round(idleMs() / 1000)} s`);
      }
      throw error instanceof ApiError ? error : connectionError(failure, this.server, error);
    } finally {
      guard.stop();
      // Ends the connection when the caller leaves the loop early.
      silent.abort();
    }
  }

  async #accepted(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { generation } = this.#access;
    const answer = await this.#send(request, signal);
    if (answer.statusCode !== 401) return await checked(answer);
    // Not read to its end, which may never come.
    answer.destroy();
    this.#access.renew(generation);
    return await checked(await this.#send(request, signal));
  }

  async #send({ method, path, query, body, contentType, accept }: ApiRequest, signal: AbortSignal) {
    const url = new URL(this.server + path);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, String(value));
    const options = await this.#access.requestOptions(signal).catch((error: unknown) => {
      const message = `no credentials for ${this.server}: ${error instanceof Error ? error.message : error}`;
      throw new ApiError('credentials', message, { cause: error });
    });
    signal.throwIfAborted();
    const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const sent = send(url, {
        ...options,
        method: method ?? 'GET',
        signal,
        headers: {
          ...options.headers,
          Accept: accept ?? 'application/json',
          'User-Agent': this.#userAgent,
          ...(payload === null
            ? {}
            : { 'Content-Type': contentType ?? 'application/json', 'Content-Length': payload.length }),
        },
      });
      sent.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE));
      sent.on('response', resolve);
      sent.on('error', reject);
      // An answer that changes the protocol (101) is no response, and closes without an error.
      sent.on('close', () => reject(new Error('the connection was closed without an answer')));
      sent.end(payload ?? undefined);
    });
  }
}

async function checked(answer: IncomingMessage): Promise<IncomingMessage> {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > ERROR_BODY_LIMIT) break;
  }
  throw answeredError(status, Buffer.concat(chunks).toString('utf8'), answer.headers['retry-after']);
}

function connectionError(failure: 'unreachable' | 'broken', server: string, error: unknown): ApiError {
  const reason = error instanceof Error ? error.message : String(error);
  const message =
    failure === 'unreachable'
      ? `${server} cannot be reached: ${reason}`
      : `the connection to ${server} broke: ${reason}`;
  return new ApiError(failure, message, { cause: error });
}
