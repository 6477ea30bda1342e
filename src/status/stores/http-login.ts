import { createHash, randomBytes } from 'node:crypto';

/** Known algorithms of digest authentication (RFC 7616), as named in node:crypto; the best first. */
const HASHES = { 'sha-256': 'sha256', md5: 'md5' } as const;

interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** As the server wrote it; undefined means MD5. */
  readonly algorithm: string | undefined;
  readonly hash: (typeof HASHES)[keyof typeof HASHES];
  /** The hash of name and password covers the nonces too. */
  readonly isSession: boolean;
  /** False: the form of RFC 2069, without a count. */
  readonly hasCount: boolean;
}

/** Sends name and password only when the server asks: as a digest if possible, otherwise as basic. */
export class HttpLogin {
  readonly #user: string;
  readonly #password: string;
  readonly #random: () => string;
  #wanted: DigestChallenge | 'basic' | null = null;
  /** Requests with the present nonce. */
  #count = 0;

  /** @param random an unguessable text without quotes */
  constructor(user: string, password: string, random = () => randomBytes(16).toString('hex')) {
    this.#random = random;
    this.#user = user;
    this.#password = password;
  }

  /** Processes the `WWW-Authenticate` headers of a 401. Returns whether another request is worthwhile. */
  challenged(headers: readonly string[]): boolean {
    const challenges = headers.flatMap(challengesOf);
    const digests = challenges.flatMap(digestOf);
    const [first] = digests.filter(({ hash }) => hash === 'sha256').concat(digests);
    const offersBasic = challenges.some(({ scheme }) => scheme === 'basic');
    const isRefused = this.#wanted === 'basic';
    this.#wanted = first ?? (offersBasic ? 'basic' : null);
    this.#count = 0;
    return this.#wanted !== null && !isRefused;
  }

  /** The value of `Authorization`, or null. @param target path and query of the request */
  authorization(method: string, target: string): string | null {
    if (this.#wanted === null) return null;
    if (this.#wanted === 'basic') {
      return `Basic ${Buffer.from(`${this.#user}:${this.#password}`).toString('base64')}`;
    }
    return this.#digest(this.#wanted, method, target);
  }

  #digest(wanted: DigestChallenge, method: string, target: string): string {
    const { realm, nonce, opaque, algorithm, hash, isSession, hasCount } = wanted;
    this.#count++;
    const count = this.#count.toString(16).padStart(8, '0');
    const own = this.#random();
    const digest = (...parts: string[]) => createHash(hash).update(parts.join(':')).digest('hex');
    const plain = digest(this.#user, realm, this.#password);
    const secret = isSession ? digest(plain, nonce, own) : plain;
    const counted = hasCount ? [count, own, 'auth'] : [];
    const response = digest(secret, nonce, ...counted, digest(method, target));
    const fields = [
      ...Object.entries({ username: this.#user, realm, nonce, uri: target, response, opaque })
        .filter((field): field is [string, string] => field[1] !== undefined)
        .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`),
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(hasCount ? ['qop=auth', `nc=${count}`, `cnonce="${own}"`] : isSession ? [`cnonce="${own}"`] : []),
    ];
    return `Digest ${fields.join(', ')}`;
  }
}

interface Challenge {
  readonly scheme: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Syntax: a scheme, comma-separated fields, the next scheme (RFC 9110, section 11.6.1). */
function challengesOf(header: string): Challenge[] {
  const found: { scheme: string; fields: Map<string, string> }[] = [];
  const tokens = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g;
  for (const [, name = '', quoted, bare] of header.matchAll(tokens)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? bare;
    if (value === undefined) found.push({ scheme: name.toLowerCase(), fields: new Map() });
    else found.at(-1)?.fields.set(name.toLowerCase(), value);
  }
  return found;
}

/** Empty for another scheme or an unknown kind of digest. */
function digestOf({ scheme, fields }: Challenge): DigestChallenge[] {
  if (scheme !== 'digest') return [];
  const algorithm = fields.get('algorithm');
  const [, name = '', session] = /^(.*?)(-sess)?$/.exec((algorithm ?? 'md5').toLowerCase()) ?? [];
  const hash = Object.hasOwn(HASHES, name) ? HASHES[name as keyof typeof HASHES] : undefined;
  const qop = fields.get('qop');
  const isCounted = qop?.split(',').some((each) => each.trim().toLowerCase() === 'auth') ?? false;
  const nonce = fields.get('nonce');
  if (hash === undefined || nonce === undefined || (qop !== undefined && !isCounted)) return [];
  return [
    {
      realm: fields.get('realm') ?? '',
      nonce,
      opaque: fields.get('opaque'),
      algorithm,
      hash,
      isSession: session !== undefined,
      hasCount: isCounted,
    },
  ];
}
