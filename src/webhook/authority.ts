import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type KeyedCertificate, makeAuthority, makeServing, type Validity } from './certificate.ts';

/** What all replicas share: PEM texts. */
export interface Held {
  /** Certificates of the authorities that clients trust, the newest first, which signs. */
  readonly authorities: readonly string[];
  /** Key of the newest authority. */
  readonly authorityKey: string;
  readonly serving: KeyedCertificate;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const AUTHORITY_LIFE = 730 * DAY;
const SERVING_LIFE = 90 * DAY;
/** Both begin in the past by this much, so that clocks may differ. */
const SKEW = DAY;
/** A new authority signs only after this time, when every API server has read that it is to be trusted. */
const TRUSTED_AFTER = 10 * MINUTE;
/** A certificate is replaced when this share of its life is over: a serving one 30 days before its end. */
const RENEWED_AT = 2 / 3;
/** Of authorities that no longer sign, but whose certificates may still be served. */
const AUTHORITIES_MOST = 4;

/**
 * What is to be held from now on; null: it can stay as it is. One step a call:
 * 1. Nothing usable is there (the start, or it was damaged, or everything ended): a new authority and a certificate.
 * 2. The authority is old: a new one is added, and trusted beside the old one. The old certificate stays in use.
 * 3. The certificate is old or has other names: a new one, by the newest authority once that is trusted everywhere. A
 *    certificate that cannot be used any more does not wait for that.
 * 4. An authority has ended: it is removed.
 *
 * @param now milliseconds since the epoch
 */
export function renewed(held: Held | null, names: readonly string[], now: number): Held | null {
  const usable = held === null ? null : usableOf(held, now);
  if (usable === null) return started([], names, now);
  const [newest] = usable.authorities as [string];
  const authority = { certificate: newest, key: usable.authorityKey };
  if (isOld(validityOf(newest), now)) {
    const next = makeAuthority(lifeFrom(now, AUTHORITY_LIFE));
    const authorities = [next.certificate, ...usable.authorities].slice(0, AUTHORITIES_MOST);
    return { ...usable, authorities, authorityKey: next.key };
  }
  const isServed = canServe(usable.serving, usable.authorities, names, now);
  const isTrusted = now - validityOf(newest).notBefore >= SKEW + TRUSTED_AFTER;
  if (!isServed || (isTrusted && isOld(validityOf(usable.serving.certificate), now))) {
    return { ...usable, serving: servingBy(authority, names, now) };
  }
  return usable.authorities.length === held?.authorities.length ? null : usable;
}

/** Of the certificate in use, milliseconds since the epoch. */
export function endOf({ serving }: Held): number {
  return validityOf(serving.certificate).notAfter;
}

/** The certificates in a PEM text, each as a text of its own; those that cannot be read are left out. */
export function certificatesIn(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`).filter((block) => read(block) !== null);
}

function started(authorities: readonly string[], names: readonly string[], now: number): Held {
  const authority = makeAuthority(lifeFrom(now, AUTHORITY_LIFE));
  return {
    authorities: [authority.certificate, ...authorities],
    authorityKey: authority.key,
    serving: servingBy(authority, names, now),
  };
}

function servingBy(authority: KeyedCertificate, names: readonly string[], now: number): KeyedCertificate {
  const { notBefore, notAfter } = lifeFrom(now, SERVING_LIFE);
  const end = Math.min(notAfter, validityOf(authority.certificate).notAfter);
  return makeServing(authority, names, { notBefore, notAfter: end });
}

function lifeFrom(now: number, life: number): Validity {
  return { notBefore: now - SKEW, notAfter: now + life };
}

/** Without authorities that have ended; null if the newest cannot sign. */
function usableOf(held: Held, now: number): Held | null {
  const authorities = held.authorities.filter((each) => isValid(validityOf(each), now));
  const [newest] = authorities;
  if (newest === undefined || newest !== held.authorities[0]) return null;
  return isKeyOf(held.authorityKey, newest) ? { ...held, authorities } : null;
}

function canServe(
  { certificate, key }: KeyedCertificate,
  authorities: readonly string[],
  names: readonly string[],
  now: number,
): boolean {
  const parsed = read(certificate);
  if (parsed === null || !isKeyOf(key, certificate) || !isValid(validityOf(certificate), now)) return false;
  const isSigned = authorities.some((authority) => {
    const issuer = read(authority);
    return issuer !== null && parsed.checkIssued(issuer) && parsed.verify(issuer.publicKey);
  });
  return isSigned && names.every((name) => parsed.checkHost(name) !== undefined);
}

function isKeyOf(key: string, certificate: string): boolean {
  try {
    return read(certificate)?.checkPrivateKey(createPrivateKey(key)) ?? false;
  } catch {
    return false;
  }
}

/** A certificate that has not begun yet was made by a replica whose clock is ahead: it waits for its time. */
function isValid({ notBefore, notAfter }: Validity, now: number): boolean {
  return notBefore <= now && now < notAfter;
}

function isOld({ notBefore, notAfter }: Validity, now: number): boolean {
  return now - notBefore > (notAfter - notBefore) * RENEWED_AT;
}

function validityOf(certificate: string): Validity {
  const parsed = read(certificate);
  return parsed === null
    ? { notBefore: 0, notAfter: 0 }
    : { notBefore: Date.parse(parsed.validFrom), notAfter: Date.parse(parsed.validTo) };
}

function read(certificate: string): X509Certificate | null {
  try {
    return new X509Certificate(certificate);
  } catch {
    return null;
  }
}
