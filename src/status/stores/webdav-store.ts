import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { HttpLogin } from './http-login.ts';
import { type StateStore, StoreFailed } from './store.ts';

/** Milliseconds before a request is aborted. */
const LIMIT = 15_000;

/** Bytes of an answer: our own text has at most 10,000 rules of about 300 bytes. */
const LARGEST_ANSWER = 16 << 20;

interface Answer {
  readonly status: number;
  /** One text for each `WWW-Authenticate`. */
  readonly challenges: readonly string[];
  /** Target of a redirect; empty: none. */
  readonly location: string;
  readonly text: string;
}

/**
 * The file `/NODE/state.json` of a WebDAV server (RFC 4918). Its folder is created first, and again if a PUT finds none
 * (404, or 409 as in the RFC). HttpLogin uses the URL's name and password.
 */
export class WebdavStore implements StateStore {
  readonly name: string;
  readonly #folder: URL;
  readonly #file: URL;
  /** Null: the URL has no name. */
  readonly #login: HttpLogin | null;
  #isFolderMade = false;

  /** @param url of the server, `http://NAME:PASSWORD@HOST:PORT/PATH` */
  constructor(url: string, node: string) {
    const server = new URL(url);
    const [user = '', password = ''] = [server.username, server.password].map(decodeURIComponent);
    server.username = '';
    server.password = '';
    const base = server.href.replace(/\/+$/, '');
    this.#folder = new URL(`${base}/${node}/`);
    this.#file = new URL('state.json', this.#folder);
    this.#login = user === '' ? null : new HttpLogin(user, password);
    this.name = `WebDAV ${this.#file}`;
  }

  async read(signal: AbortSignal): Promise<string | null> {
    const answer = await this.#request('GET', this.#file, signal);
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw this.#refused('GET', answer);
    return answer.text;
  }

  async write(text: string, signal: AbortSignal): Promise<void> {
    if (!this.#isFolderMade) await this.#makeFolder(signal);
    let answer = await this.#request('PUT', this.#file, signal, text);
    if (answer.status === 404 || answer.status === 409) {
      await this.#makeFolder(signal);
      answer = await this.#request('PUT', this.#file, signal, text);
    }
    if (answer.status < 200 || answer.status >= 300) throw this.#refused('PUT', answer);
  }

  async #makeFolder(signal: AbortSignal): Promise<void> {
    const answer = await this.#request('MKCOL', this.#folder, signal);
    // 405: it exists. Servers that create folders themselves refuse MKCOL; the PUT decides.
    const { status } = answer;
    if (status === 401 || status === 403 || status >= 500) throw this.#refused('MKCOL', answer);
    this.#isFolderMade = true;
  }

  /** Repeats the request if the server requires a login. */
  async #request(method: string, url: URL, signal: AbortSignal, data?: string): Promise<Answer> {
    const answer = await this.#send(method, url, signal, data);
    if (answer.status !== 401 || !this.#login?.challenged(answer.challenges)) return answer;
    return await this.#send(method, url, signal, data);
  }

  async #send(method: string, url: URL, signal: AbortSignal, data?: string): Promise<Answer> {
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(LIMIT);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const authorization = this.#login?.authorization(method, url.pathname + url.search) ?? null;
        const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
        send(url, {
          method,
          signal: AbortSignal.any([signal, limit]),
          // Requests are minutes apart: the server would have closed a kept connection meanwhile.
          agent: false,
          headers: {
            ...(authorization === null ? {} : { Authorization: authorization }),
            ...(data === undefined
              ? {}
              : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) }),
          },
        })
          .on('response', resolve)
          .on('error', reject)
          .end(data);
      });
      const { statusCode = 0, headers, headersDistinct } = response;
      return {
        status: statusCode,
        challenges: headersDistinct['www-authenticate'] ?? [],
        location: headers.location ?? '',
        text: await boundedText(response),
      };
    } catch (error) {
      signal.throwIfAborted();
      const why = limit.aborted ? `no answer within ${LIMIT / 1000} s` : reasonOf(error);
      throw new StoreFailed(`${this.name}: ${method}: ${why}`, { cause: error });
    }
  }

  #refused(method: string, { status, location }: Answer): StoreFailed {
    const remedy =
      status === 401 || status === 403
        ? ': the name and password in --state-uri are not accepted, or none are there'
        : status >= 300 && status < 400 && location !== ''
          ? `: the server has moved to ${location}; name that in --state-uri`
          : '';
    return new StoreFailed(`${this.name}: ${method} is answered with status ${status}${remedy}`);
  }
}

/** Throws if the text is too long, and ends the connection. */
async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.length;
    // Leaving the loop ends the stream, and with it the connection.
    if (length > LARGEST_ANSWER) throw new Error(`the answer is longer than ${LARGEST_ANSWER >> 20} MiB`);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
