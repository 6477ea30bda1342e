import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import {
  bitString,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  tagged,
  taggedBytes,
  time,
  truth,
  utf8String,
} from './der.ts';

/** PEM texts. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Milliseconds since the epoch. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const COMMON_NAME = objectIdentifier('2.5.4.3');
const SUBJECT_KEY = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = objectIdentifier('1.3.6.1.5.5.7.3.1');

/** Bits of the key usage, from the first on (RFC 5280, 4.2.1.3). */
const DIGITAL_SIGNATURE = bitString(Uint8Array.of(0x80), 7);
const SIGNS_CERTIFICATES = bitString(Uint8Array.of(0x06), 1);

/** A new authority with a name of its own, so that two of them can be told apart. */
export function makeAuthority(validity: Validity): KeyedCertificate {
  const { privateKey, publicKey } = keyPair();
  const name = nameOf(`knat webhook authority ${randomBytes(6).toString('hex')}`);
  return signed({ name, publicKey, privateKey, validity }, { name, key: privateKey, publicKey }, [
    extension(BASIC_CONSTRAINTS, sequence(truth(), integer(Uint8Array.of(0))), true),
    extension(KEY_USAGE, SIGNS_CERTIFICATES, true),
  ]);
}

/** A certificate of a server with these DNS names. @param authority its subject is `subjectOf` that certificate */
export function makeServing(
  authority: KeyedCertificate,
  names: readonly string[],
  validity: Validity,
): KeyedCertificate {
  const { privateKey, publicKey } = keyPair();
  const issuer = {
    name: subjectOf(authority.certificate),
    key: createPrivateKey(authority.key),
    publicKey: createPublicKey(authority.key),
  };
  const dnsNames = names.map((each) => taggedBytes(2, Buffer.from(each, 'latin1')));
  return signed({ name: nameOf('knat webhook'), publicKey, privateKey, validity }, issuer, [
    extension(KEY_USAGE, DIGITAL_SIGNATURE, true),
    extension(EXTENDED_KEY_USAGE, sequence(SERVER_AUTH)),
    extension(SUBJECT_ALT_NAME, sequence(...dnsNames)),
  ]);
}

interface Subject {
  readonly name: Uint8Array;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly validity: Validity;
}

interface Issuer {
  readonly name: Uint8Array;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** RFC 5280, 4.1. */
function signed(subject: Subject, issuer: Issuer, extensions: readonly Uint8Array[]): KeyedCertificate {
  const { notBefore, notAfter } = subject.validity;
  const content = sequence(
    tagged(0, integer(Uint8Array.of(2))), // version 3
    integer(Uint8Array.of(0x40, ...randomBytes(15))),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(time(notBefore), time(notAfter)),
    subject.name,
    publicKeyBytes(subject.publicKey),
    tagged(
      3,
      sequence(
        ...extensions,
        extension(SUBJECT_KEY, octetString(keyIdentifier(subject.publicKey))),
        extension(AUTHORITY_KEY, sequence(taggedBytes(0, keyIdentifier(issuer.publicKey)))),
      ),
    ),
  );
  const signature = sign('sha256', content, issuer.key);
  return {
    certificate: pem(sequence(content, ECDSA_WITH_SHA256, bitString(signature))),
    key: String(subject.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function keyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function publicKeyBytes(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' });
}

function keyIdentifier(key: KeyObject): Uint8Array {
  return createHash('sha256').update(publicKeyBytes(key)).digest().subarray(0, 20);
}

function nameOf(commonName: string): Uint8Array {
  return sequence(setOf(sequence(COMMON_NAME, utf8String(commonName))));
}

/** The subject of a certificate that `makeAuthority` made. */
function subjectOf(certificate: string): Uint8Array {
  const [, name = ''] = /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject) ?? [];
  return nameOf(name);
}

function extension(identifier: string, content: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [truth()] : [];
  return sequence(objectIdentifier(identifier), ...critical, octetString(content));
}

function pem(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
