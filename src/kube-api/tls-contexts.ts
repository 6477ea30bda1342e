import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** What a TLS connection trusts and presents. */
type TlsMaterial = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

/** An agent has one server, sometimes with a renewed certificate. */
const MOST = 2;

/** By the digest of their material, the one that was made last at the end. */
const contexts = new Map<string, SecureContext>();

/**
 * The context of all connections with the same material: each of its own would take 50 KB, and a millisecond to read.
 * Null for material that cannot be used: the connection then says why.
 */
export function secureContextOf({ ca, cert, key }: TlsMaterial): SecureContext | null {
  const hash = createHash('sha256');
  for (const pem of [ca, cert, key]) {
    if (Array.isArray(pem)) return null; // no access of ours gives several
    hash.update(pem === undefined ? '-' : `${pem.length} `);
    if (pem !== undefined) hash.update(pem);
  }
  const digest = hash.digest('base64');
  const known = contexts.get(digest);
  if (known !== undefined) return known;
  try {
    const context = createSecureContext({ ca, cert, key });
    contexts.set(digest, context);
    for (const oldest of contexts.keys()) if (contexts.size > MOST) contexts.delete(oldest);
    return context;
  } catch {
    return null;
  }
}
