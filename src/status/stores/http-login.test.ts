import { expect, test } from 'vitest';
import { HttpLogin } from './http-login.ts';

/** The examples of RFC 7616, section 3.9.1. */
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
const REALM =
  'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const MD5 = `Digest ${REALM}, algorithm=MD5`;
const SHA256 = `Digest ${REALM}, algorithm=SHA-256`;

const mufasa = () => new HttpLogin('Mufasa', 'Circle of Life', () => CNONCE);

function answerTo(login: HttpLogin, ...challenges: string[]): string | null {
  expect(login.challenged(challenges)).toBe(true);
  return login.authorization('GET', '/dir/index.html');
}

test.each([
  ['8ca523f5e9506fed4657c9700eebdbec', [MD5]],
  ['753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1', [SHA256]],
  ['753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1', [MD5, SHA256]],
  [
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    [`Basic realm="x", ${MD5}, ${SHA256}`],
  ],
])('the digest %s', (response, challenges) => {
  const header = answerTo(mufasa(), ...challenges) ?? '';
  expect(header).toContain(`response="${response}"`);
  expect(header).toContain(`nc=00000001, cnonce="${CNONCE}"`);
  expect(header).toContain('username="Mufasa", realm="http-auth@example.org"');
});

test('the count grows with each request, and starts again with another nonce', () => {
  const login = mufasa();
  answerTo(login, MD5);
  expect(login.authorization('GET', '/')).toContain('nc=00000002');
  expect(answerTo(login, MD5.replace('7ypf', 'next'))).toContain('nc=00000001');
});

test('without qop: the form of RFC 2069, with the example of RFC 2617', () => {
  const login = new HttpLogin('Mufasa', 'Circle Of Life');
  const challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
  const header = answerTo(login, challenge) ?? '';
  expect(header).toContain('response="670fd8c2df070c60b045671b8b24ff02"');
  expect(header).not.toContain('nc=');
});

test('a session: the hash covers the nonces', () => {
  const login = new HttpLogin('a', 'b', () => 'own');
  expect(answerTo(login, 'Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess')).toMatch(
    /response="[0-9a-f]{32}".*algorithm=MD5-sess, qop=auth, nc=00000001, cnonce="own"/,
  );
});

test('basic authentication only where there is nothing better', () => {
  const login = new HttpLogin('a', 'b:c');
  const basic = `Basic ${Buffer.from('a:b:c').toString('base64')}`;
  expect(answerTo(login, 'Basic realm="x, Digest y"')).toBe(basic);
  // Refused: the same is not sent once more.
  expect(login.challenged(['Basic realm="x"'])).toBe(false);
  expect(answerTo(mufasa(), 'Digest realm="r", nonce="n", algorithm=SHA-512-256, Basic realm="x"')).toMatch(
    /^Basic /,
  );
});

test('nothing is sent before the server asks, or where it asks for what is not understood', () => {
  const login = mufasa();
  expect(login.authorization('GET', '/')).toBe(null);
  for (const header of [
    'Negotiate',
    'Digest realm="r"',
    'Digest nonce="n", qop="auth-int"',
    '',
    '"',
    ',,=',
  ]) {
    expect(login.challenged([header])).toBe(false);
    expect(login.authorization('GET', '/')).toBe(null);
  }
});
