import { expect, test } from 'vitest';
import { makeCertificates } from '../../test/cluster/certificates.ts';
import { secureContextOf } from './tls-contexts.ts';

test('one context for the same material, another for renewed material, none for what is no PEM', () => {
  const { authority: ca, clientCertificate: cert, clientKey: key } = makeCertificates();
  const first = secureContextOf({ ca, cert, key });
  expect(first).not.toBeNull();
  expect(secureContextOf({ ca: Buffer.from(ca), cert, key })).toBe(first);
  const withoutClient = secureContextOf({ ca });
  expect(withoutClient).not.toBe(first);
  expect(secureContextOf({ ca })).toBe(withoutClient);
  expect(secureContextOf({ ca, cert, key: 'no key' })).toBeNull();
  expect(secureContextOf({ ca, cert: [cert], key: [key] })).toBeNull();
  // Two are remembered.
  expect(secureContextOf({ ca, cert, key })).toBe(first);
  secureContextOf({});
  expect(secureContextOf({ ca, cert, key })).not.toBe(first);
});
