import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { certificatesIn, endOf, type Held, renewed } from './authority.ts';

const DAY = 86_400_000;
const NAMES = ['knat-webhook.kube-system.svc', 'knat-webhook.kube-system.svc.cluster.local'];
const START = Date.UTC(2026, 0, 1);

function first(now = START): Held {
  const held = renewed(null, NAMES, now);
  if (held === null) throw new Error('nothing was made');
  return held;
}

/** Lets the time pass in steps and returns every state that was held. */
function lived(days: number, step: number, held = first()): { at: number; held: Held }[] {
  const states = [{ at: START, held }];
  for (let at = START; at < START + days * DAY; at += step) {
    const next = renewed(states.at(-1)?.held ?? null, NAMES, at);
    if (next !== null) states.push({ at, held: next });
  }
  return states;
}

test('the first certificate is for the names, by an authority of its own, and begins a day ago', () => {
  const { authorities, serving } = first();
  const [authority, certificate] = [authorities[0] ?? '', serving.certificate].map(
    (each) => new X509Certificate(each),
  ) as [X509Certificate, X509Certificate];
  expect(authority.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.verify(authority.publicKey)).toBe(true);
  expect(certificate.checkIssued(authority)).toBe(true);
  expect(NAMES.map((name) => certificate.checkHost(name))).toEqual(NAMES);
  expect(certificate.checkHost('other.kube-system.svc')).toBeUndefined();
  expect(new Date(certificate.validFrom).toISOString()).toBe('2025-12-31T00:00:00.000Z');
  expect(new Date(certificate.validTo).toISOString()).toBe('2026-04-01T00:00:00.000Z');
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
});

test('what is held stays for the first two thirds, and is renewed 30 days before its end', () => {
  const held = first();
  expect(renewed(held, NAMES, START)).toBeNull();
  expect(renewed(held, NAMES, START + 59 * DAY)).toBeNull();
  const next = renewed(held, NAMES, START + 60 * DAY);
  expect(next?.authorities).toEqual(held.authorities);
  expect(endOf(next as Held)).toBe(START + 150 * DAY);
});

test('ten years with a look every ten days: what was served before is trusted after each step', () => {
  const states = lived(3650, 10 * DAY);
  expect(states.length).toBeGreaterThan(50);
  for (const [index, { at, held }] of states.entries()) {
    const trusted = held.authorities.map((each) => new X509Certificate(each));
    // A replica that has not read the new state, and an API server that has, or the other way round.
    for (const other of [states[index - 1], states[index]]) {
      const served = new X509Certificate((other?.held ?? held).serving.certificate);
      expect(trusted.some((each) => served.verify(each.publicKey))).toBe(true);
      expect(Date.parse(served.validTo)).toBeGreaterThan(at + DAY);
    }
    const former = states[index - 1]?.held.authorities.map((each) => new X509Certificate(each)) ?? trusted;
    const served = new X509Certificate(held.serving.certificate);
    expect(former.some((each) => served.verify(each.publicKey))).toBe(true);
    expect(held.authorities.length).toBeLessThanOrEqual(3);
  }
  const signers = new Set(states.map(({ held }) => held.authorities[0]));
  expect(signers.size).toBeGreaterThanOrEqual(7);
});

test('a new authority signs only when it has been trusted for ten minutes', () => {
  const [old, at] = [first(), START + 487 * DAY];
  // Both become old in the same moment.
  const serving = renewed({ ...old, serving: { certificate: '', key: '' } }, NAMES, at - 61 * DAY)?.serving;
  const added = renewed({ ...old, serving: serving ?? old.serving }, NAMES, at) as Held;
  expect(added.authorities).toEqual([added.authorities[0], old.authorities[0]]);
  expect(added.serving).toBe(serving);
  expect(renewed(added, NAMES, at + 9 * 60_000)).toBeNull();
  const signed = renewed(added, NAMES, at + 10 * 60_000) as Held;
  const by = new X509Certificate(signed.authorities[0] ?? '');
  expect(new X509Certificate(signed.serving.certificate).verify(by.publicKey)).toBe(true);
});

test.each([
  ['nothing', null],
  ['no certificate', { authorities: [], authorityKey: '', serving: { certificate: '', key: '' } }],
  ['broken texts', { authorities: ['x'], authorityKey: 'y', serving: { certificate: 'z', key: '' } }],
  ['the key of another authority', { ...first(), authorityKey: first().authorityKey }],
  ['everything has ended', first(START - 1000 * DAY)],
])('from %s a new start is made', (_, held) => {
  const next = renewed(held, NAMES, START) as Held;
  expect(next.authorities).toHaveLength(1);
  expect(renewed(next, NAMES, START)).toBeNull();
});

test.each([
  ['is for other names', { ...first(), serving: (renewed(null, ['other.svc'], START) as Held).serving }],
  ['is of another authority', { ...first(), serving: first().serving }],
  ['cannot be read', { ...first(), serving: { certificate: 'x', key: 'y' } }],
])('a certificate that %s is replaced at once, and the authority stays', (_, held) => {
  const next = renewed(held, NAMES, START) as Held;
  expect(next.authorities).toEqual(held.authorities);
  expect(next.serving).not.toEqual(held.serving);
});

test('clocks that differ by less than a day do not disturb each other', () => {
  const ahead = first(START + DAY - 1000);
  expect(renewed(ahead, NAMES, START)).toBeNull();
  expect(renewed(first(), NAMES, START + DAY)).toBeNull();
});

test('the certificates of a bundle are read one by one, and other text is left out', () => {
  const [a, b] = [first().authorities[0] ?? '', first().authorities[0] ?? ''];
  expect(
    certificatesIn(`# comment\n${a}${b}-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----`),
  ).toEqual([a, b]);
});

test('a TLS client that trusts the authority accepts the server, by its name alone', async () => {
  const { authorities, serving } = first(Date.now());
  const server = createServer({ cert: serving.certificate, key: serving.key }, (_, response) =>
    response.end('fine'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ask = (servername: string, ca: readonly string[]) =>
    new Promise<string>((resolve) => {
      const sent = request({ host: '127.0.0.1', port, servername, agent: false, ca: [...ca] }, (answer) => {
        answer.resume();
        resolve(String(answer.statusCode));
      });
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      sent.end();
    });
  expect(await ask(NAMES[0] ?? '', authorities)).toBe('200');
  expect(await ask('other.kube-system.svc', authorities)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(await ask(NAMES[0] ?? '', first().authorities)).not.toBe('200');
  server.close();
});
