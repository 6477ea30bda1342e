import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { AuthType, createClient, type WebDAVClient } from 'webdav';
import { type StateStore, StoreFailed } from './store.ts';

/** A request that takes longer is given up, in milliseconds. */
const LIMIT = 15_000;

/** Bytes of an answer: our own text has 10,000 rules at most, of some 300 bytes. */
const LARGEST_ANSWER = 16 << 20;

/** Requests are minutes apart: a connection that is kept would be one that the server has closed meanwhile. */
const AGENTS = {
  httpAgent: new HttpAgent({ keepAlive: false }),
  httpsAgent: new HttpsAgent({ keepAlive: false }),
};

/** What of an answer is looked at. */
interface Answer {
  readonly status: number;
  readonly challenge: string;
  readonly text: string;
}

/**
 * The file `/NODE/state.json` of a WebDAV server (RFC 4918). Its folder is made first, and once more where a PUT finds
 * none (404, or 409 as the RFC has it). A name and password in the URL are used as the server asks for them: digest
 * where it can do that, so that the password is not sent, else basic.
 */
export class WebdavStore implements StateStore {
  readonly name: string;
  readonly #url: string;
  readonly #user: { readonly username: string; readonly password: string } | null;
  readonly #folder: string;
  readonly #file: string;
  #client: WebDAVClient;
  #isFolderMade = false;

  /** @param url of the server, `http://NAME:PASSWORD@HOST:PORT/PATH` */
  constructor(url: string, node: string) {
    const parsed = new URL(url);
    const [username, password] = [parsed.username, parsed.password].map(decodeURIComponent);
    parsed.username = '';
    parsed.password = '';
    this.#url = parsed.href.replace(/\/+$/, '');
    this.#user = username ? { username, password: password ?? '' } : null;
    this.#folder = `/${node}/`;
    this.#file = `/${node}/state.json`;
    this.name = `WebDAV ${this.#url}${this.#file}`;
    this.#client = this.#open(AuthType.Digest);
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
    // 405: there is one already. Servers that keep their folders by themselves refuse MKCOL; the PUT decides.
    const { status } = answer;
    if (status === 401 || status === 403 || status >= 500) throw this.#refused('MKCOL', answer);
    this.#isFolderMade = true;
  }

  /** Asks once more with basic authentication where the server offers nothing better. */
  async #request(method: string, path: string, signal: AbortSignal, data?: string): Promise<Answer> {
    const answer = await this.#send(method, path, signal, data);
    if (answer.status !== 401 || this.#user === null || !/^basic\b/i.test(answer.challenge)) return answer;
    this.#client = this.#open(AuthType.Password);
    return await this.#send(method, path, signal, data);
  }

  async #send(method: string, path: string, signal: AbortSignal, data?: string): Promise<Answer> {
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(LIMIT);
    const options = {
      method,
      signal: AbortSignal.any([signal, limit]),
      ...(data === undefined ? {} : { data, headers: { 'Content-Type': 'application/json' } }),
    };
    try {
      const response = await this.#client.customRequest(path, options).catch(answered);
      const challenge = response.headers.get('www-authenticate') ?? '';
      return { status: response.status, challenge, text: await boundedText(response) };
    } catch (error) {
      signal.throwIfAborted();
      const why = limit.aborted ? `no answer within ${LIMIT / 1000} s` : reasonOf(error);
      throw new StoreFailed(`${this.name}: ${method}: ${why}`, { cause: error });
    }
  }

  #open(authType: AuthType): WebDAVClient {
    return createClient(this.#url, {
      ...AGENTS,
      ...(this.#user === null ? {} : { authType, ...this.#user }),
    });
  }

  #refused(method: string, { status }: Answer): StoreFailed {
    const remedy =
      status === 401 || status === 403
        ? ': the name and password in --state-uri are not accepted, or none are there'
        : '';
    return new StoreFailed(`${this.name}: ${method} is answered with status ${status}${remedy}`);
  }
}

type WebdavResponse = Awaited<ReturnType<WebDAVClient['customRequest']>>;

/** The library throws for a status of 400 and more, with the answer in the error. */
function answered(error: unknown): WebdavResponse {
  const response = error instanceof Error && 'response' in error ? error.response : undefined;
  if (response === undefined) throw error;
  return response as WebdavResponse;
}

/** The text of an answer. Throws for one that is too long, which ends the connection. */
async function boundedText(response: WebdavResponse): Promise<string> {
  // The library's type leaves the stream out.
  const { body } = response as unknown as { readonly body: AsyncIterable<Uint8Array> | null };
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
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
