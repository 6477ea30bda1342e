import { expect, test } from 'vitest';
import { readListenAddress } from './readers.ts';
import { proxyHealthOf } from './run-settings.ts';
import type { SettingValues } from './table.ts';

const at = (text: string) => readListenAddress(text);
const file = (address: string): SettingValues => ({
  kubeProxy: { node: {}, warnings: [], healthAddress: at(address) },
});

test.each<[string, SettingValues, string, string]>([
  ['without kube-proxy nothing more is served', {}, '0.0.0.0:10266', ''],
  ['taking over, its default port', { replaceKubeProxy: true }, '0.0.0.0:10266', '0.0.0.0:10256'],
  ['its port at our address', { replaceKubeProxy: true }, '[::]:10266', '[::]:10256'],
  ['by its file, what that says', file('192.0.2.1:10300'), '0.0.0.0:10266', '192.0.2.1:10300'],
  ['where we are already, not twice', { replaceKubeProxy: true }, '127.0.0.1:10256', ''],
  ['where we are already by the file', file('0.0.0.0:10256'), '0.0.0.0:10256', ''],
  ['switched off with the option', { replaceKubeProxy: true, proxyHealthAddress: null }, '0.0.0.0:10266', ''],
  ['switched off with health', { replaceKubeProxy: true }, '', ''],
  ['as the option says', { proxyHealthAddress: at('0.0.0.0:81') }, '127.0.0.1:10256', '0.0.0.0:81'],
])('%s', (_, values, health, expected) => {
  expect(proxyHealthOf(values, at(health))).toEqual(at(expected));
});
