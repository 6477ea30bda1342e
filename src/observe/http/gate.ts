import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { BoundedMap } from '../../base/bounded-map.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';

export interface TokenUser {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Asks the cluster. Rejects when the cluster cannot answer. */
export interface Reviewer {
  /** Null: the cluster does not know the token. */
  whoIs(token: string): Promise<TokenUser | null>;
  /** By nonResourceURLs of RBAC. */
  mayGet(user: TokenUser, path: string): Promise<boolean>;
}

export interface Caller {
  /** The client's address; undefined: the connection is closed. */
  readonly address: string | undefined;
  readonly path: string;
  header(name: string): string | undefined;
}

export interface Refusal {
  readonly status: 401 | 403 | 421 | 429 | 503;
  readonly message: string;
}

export interface GateParts {
  /** Null: no cluster can check tokens. */
  readonly reviewer: Reviewer | null;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Counts a question to the cluster. */
  readonly reviewed?: (result: 'allowed' | 'denied' | 'failed') => void;
}

/** Milliseconds for which the cluster's answer is cached. */
const ALLOWED_FOR = 30_000;
const DENIED_FOR = 10_000;
/** Maximum number of cached answers. */
const REMEMBERED = limits['token-answers'].most;
/** Limit of questions to the cluster: BURST, then one every REFILL milliseconds. */
const BURST = limits['token-lookups'].most;
const REFILL = 200;

/**
 * Decides who may read from the agent. A client in the node's network namespace needs no token: the client's address is
 * loopback, no proxy is in between, and the request names this machine (against DNS rebinding). Every other client
 * needs a bearer token whose owner may `get` the path.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #answers = new BoundedMap<string, { refusal: Refusal | null; until: number }>(REMEMBERED, () =>
    limitReached('token-answers'),
  );
  readonly #underway = new Map<string, Promise<Refusal | null>>();
  readonly #budget: TokenBucket;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#budget = new TokenBucket(BURST, REFILL, parts.now());
  }

  async refusal(caller: Caller): Promise<Refusal | null> {
    const isNear = isLoopback(caller.address) && !FORWARDED.some((name) => caller.header(name) !== undefined);
    if (isNear && isLoopbackHost(caller.header('host'))) return null;
    const token = /^bearer +([^\s]+)$/i.exec(caller.header('authorization') ?? '')?.[1];
    if (token !== undefined) return await this.#byToken(token, caller.path);
    if (isNear) {
      const message = 'on this machine, ask for 127.0.0.1, [::1] or localhost, and for no other name';
      return { status: 421, message };
    }
    if (this.#parts.reviewer === null) return NO_CLUSTER;
    return { status: 401, message: 'from elsewhere than this node a bearer token of the cluster is needed' };
  }

  async #byToken(token: string, path: string): Promise<Refusal | null> {
    const { reviewer, now } = this.#parts;
    if (reviewer === null) return NO_CLUSTER;
    const key = `${createHash('sha256').update(token).digest('base64')} ${path}`;
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > now()) return known.refusal;
    const underway = this.#underway.get(key);
    if (underway !== undefined) return await underway;
    if (this.#budget.wait(now()) > 0) {
      limitReached('token-lookups');
      return { status: 429, message: 'too many tokens to be looked up; try again later' };
    }
    this.#budget.take(now());
    const asking = this.#ask(reviewer, token, path);
    this.#underway.set(key, asking);
    try {
      const refusal = await asking;
      const until = now() + (refusal === null ? ALLOWED_FOR : DENIED_FOR);
      if (refusal?.status !== 503) this.#answers.set(key, { refusal, until });
      return refusal;
    } finally {
      this.#underway.delete(key);
    }
  }

  async #ask(reviewer: Reviewer, token: string, path: string): Promise<Refusal | null> {
    const { reviewed = () => {} } = this.#parts;
    try {
      const user = await reviewer.whoIs(token);
      const isAllowed = user !== null && (await reviewer.mayGet(user, path));
      reviewed(isAllowed ? 'allowed' : 'denied');
      if (user === null) return { status: 401, message: 'the cluster does not know this token' };
      if (isAllowed) return null;
      return { status: 403, message: `${user.username} may not get ${path}: a ClusterRole must allow it` };
    } catch {
      reviewed('failed');
      return { status: 503, message: 'the API server cannot be asked about the token' };
    }
  }
}

const NO_CLUSTER: Refusal = {
  status: 403,
  message: 'this agent has no cluster that could say whose token it is: ask from the node itself',
};

/** Headers of proxies: the client of a local proxy may be remote. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/** 127.0.0.0/8 and ::1, also IPv4-mapped. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function isLoopbackHost(host: string | undefined): boolean {
  const name = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(host ?? '');
  const text = (name?.[1] ?? name?.[2] ?? '').toLowerCase();
  return text === 'localhost' || isLoopback(text);
}
