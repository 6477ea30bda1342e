import { isRecord, recordAt, textAt } from '../base/json.ts';
import type { ApiClient } from './client.ts';

/** A request fails after this many milliseconds without data. */
const IDLE = 5_000;

/** Bytes of an answer: a user has some groups and some `extra`. */
const LIMIT = 1 << 20;

export interface ReviewedUser {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** TokenReview and SubjectAccessReview for bearer tokens of clients. Rejects with ApiError. */
export class Reviews {
  readonly #client: ApiClient;
  readonly #signal: AbortSignal;

  constructor(client: ApiClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async whoIs(token: string): Promise<ReviewedUser | null> {
    const status = await this.#review('authentication.k8s.io', 'TokenReview', { token });
    if (status.authenticated !== true) return null;
    const user = recordAt(status, 'user');
    const username = textAt(user, 'username');
    if (username === '') return null;
    return {
      username,
      uid: textAt(user, 'uid'),
      groups: textsOf(user.groups),
      extra: Object.fromEntries(
        Object.entries(recordAt(user, 'extra')).map(([key, values]) => [key, textsOf(values)]),
      ),
    };
  }

  /** Whether the user may `get` a non-resource path. */
  async mayGet({ username, uid, groups, extra }: ReviewedUser, path: string): Promise<boolean> {
    const nonResourceAttributes = { path, verb: 'get' };
    const spec = { user: username, uid, groups, extra, nonResourceAttributes };
    const status = await this.#review('authorization.k8s.io', 'SubjectAccessReview', spec);
    return status.allowed === true && status.denied !== true;
  }

  async #review(group: string, kind: string, spec: object): Promise<Record<string, unknown>> {
    const body = { apiVersion: `${group}/v1`, kind, spec };
    const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const answer = await this.#client.json({ method: 'POST', path, body }, this.#signal, IDLE, LIMIT);
    return isRecord(answer) ? recordAt(answer, 'status') : {};
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
