import { expect, test } from 'vitest';
import { environmentProxy, proxyOf } from './proxy.ts';

const HTTPS_PROXY = 'http://proxy:3128';

test.each<[string, Record<string, string>, string | undefined]>([
  ['https://api.example', {}, undefined],
  ['https://api.example', { HTTPS_PROXY }, 'http://proxy:3128/'],
  ['https://api.example', { https_proxy: 'proxy:3128' }, 'http://proxy:3128/'],
  ['https://api.example', { HTTP_PROXY: HTTPS_PROXY }, undefined],
  ['http://api.example', { http_proxy: HTTPS_PROXY }, 'http://proxy:3128/'],
  ['https://localhost:6443', { HTTPS_PROXY }, undefined],
  ['https://127.0.0.9:6443', { HTTPS_PROXY }, undefined],
  ['https://[::1]:6443', { HTTPS_PROXY }, undefined],
])('%s with %j: %s', (server, environment, proxy) => {
  expect(environmentProxy(new URL(server), environment)?.href).toBe(proxy);
});

test.each([
  ['https://api.example', '*', true],
  ['https://api.example', 'example', true],
  ['https://api.example', ' .Example , x', true],
  ['https://api.example', '*.example', true],
  ['https://example', '.example', false],
  ['https://notexample', 'example', false],
  ['https://api.example', 'api.example:443', true],
  ['https://api.example:6443', 'api.example:443', false],
  ['https://10.96.0.1', '10.96.0.0/12', true],
  ['https://10.112.0.1', '10.96.0.0/12', false],
  ['https://10.96.0.1', '10.96.0.1', true],
  ['https://10.96.0.10', '10.96.0.1', false],
  ['https://10.96.0.1:6443', '10.96.0.1:6443', true],
  ['https://10.96.0.1:6443', '10.96.0.1:443', false],
  ['https://[fd00::1]', 'fd00::/8', true],
  ['https://[fd00::1]', 'FD00:0::1', true],
  ['https://[fd00::1]:6443', '[fd00::1]:6443', true],
  ['https://[fd00::1]', '10.0.0.0/8', false],
  ['https://10.96.0.1', '10.0.0.0/99,/8,:443,10.0.0.0/x', false],
  ['https://api.example', '', false],
])('%s, NO_PROXY %j: asked without a proxy: %s', (server, NO_PROXY, isExempt) => {
  expect(environmentProxy(new URL(server), { HTTPS_PROXY, NO_PROXY }) === null).toBe(isExempt);
});

test.each(['proxy:3128', 'ftp://proxy', 'x'])('%s is no proxy', (text) => {
  expect(() => proxyOf(text)).toThrow(`the proxy "${text}" is no URL`);
});
