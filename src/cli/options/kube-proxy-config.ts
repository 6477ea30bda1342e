import { meantHint } from '../../base/did-you-mean.ts';
import { isRecord } from '../../base/json.ts';
import { isIpv6, parseAddress } from '../../net/address.ts';
import { EVERYWHERE } from '../../sources/objects/node-config.ts';
import { CliError } from '../cli-error.ts';
import { readInputFile } from '../input-file.ts';
import { onlyDocument } from '../only-document.ts';
import {
  type FieldType,
  type KubeProxyEffects,
  kubeProxyFields,
  MEANINGFUL_ZEROS,
} from './kube-proxy-fields.ts';
import { readListenAddress, ValueError } from './readers.ts';
import type { KubeProxyFacts, SettingValues } from './table.ts';

export interface KubeProxyConfig {
  readonly settings: SettingValues;
  readonly facts: KubeProxyFacts;
}

const API_VERSION = 'kubeproxy.config.k8s.io/v1alpha1';
const KIND = 'KubeProxyConfiguration';

/** Throws CliError with line and path of every unusable value. */
export async function readKubeProxyConfig(path: string): Promise<KubeProxyConfig> {
  return parseKubeProxyConfig(await readInputFile(path, 'the configuration of kube-proxy'), path);
}

/**
 * Parses as kube-proxy does: YAML 1.1, and the last of a repeated key counts. Each field, even an unknown one, has its
 * effect or is named in a warning; see `kubeProxyFields`.
 */
export function parseKubeProxyConfig(text: string, filename: string): KubeProxyConfig {
  const root = onlyDocument(text, filename, invalid, 'go');
  const value = root?.value;
  if (root === undefined || !isRecord(value) || value.apiVersion !== API_VERSION || value.kind !== KIND) {
    throw invalid(filename, [`${filename}: expected apiVersion: ${API_VERSION} and kind: ${KIND}`]);
  }
  const errors: { line: number; text: string }[] = [];
  const warnings: string[] = [];
  const leaves = new Map<string, unknown>();
  const fail = (path: string, message: string) =>
    errors.push({ line: root.lineOf(path.split('.')), text: `${path}: ${message}` });
  const { apiVersion: _, kind: __, ...fields } = value;
  collect(fields, '', leaves, { fail, warn: (line) => warnings.push(line) });
  const effects: KubeProxyEffects & { path: string } = {
    settings: {},
    node: {},
    path: '',
    warn: (line) => warnings.push(`${effects.path}: ${line}`),
  };
  for (const [path, leaf] of leaves) {
    const field = Object.hasOwn(kubeProxyFields, path) ? kubeProxyFields[path] : undefined;
    if (field === undefined) continue;
    const wrong = typeError(field.type, leaf);
    if (wrong !== null) {
      fail(path, wrong);
      continue;
    }
    if (!isSet(path, leaf)) continue;
    effects.path = path;
    try {
      if (field.effect !== undefined) field.effect(leaf, effects);
      else if (!path.endsWith('masqueradeAll')) effects.warn(field.here);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      fail(path, error.message);
    }
  }
  if (errors.length > 0) {
    errors.sort((a, b) => a.line - b.line);
    throw invalid(
      filename,
      errors.map(({ line, text }) => `${filename}:${line}: ${text}`),
    );
  }
  applyDefaults(leaves, effects);
  const { settings, node } = effects;
  return { settings, facts: { node, warnings, healthAddress: settings.healthAddress ?? null } };
}

/** kube-proxy's defaults that differ from ours, and what depends on its mode. */
function applyDefaults(
  leaves: ReadonlyMap<string, unknown>,
  effects: KubeProxyEffects & { path: string },
): void {
  const { settings, node } = effects;
  const isNftables = leaves.get('mode') === 'nftables';
  const used = isNftables ? 'nftables.masqueradeAll' : 'iptables.masqueradeAll';
  for (const path of ['nftables.masqueradeAll', 'iptables.masqueradeAll']) {
    effects.path = path;
    if (leaves.get(path) !== true) continue;
    if (path === used) node.masqueradeAll = true;
    else effects.warn(`no effect: the mode is ${isNftables ? 'nftables' : 'another'}`);
  }
  if (!('nodePortAddresses' in node)) node.nodePortAddresses = isNftables ? null : EVERYWHERE;
  if (node.detectLocalMode === 'ClusterCIDR' && node.podCIDRs === undefined) {
    effects.path = 'detectLocalMode';
    effects.warn('ClusterCIDR without clusterCIDR tells no pod');
    node.podCIDRs = [];
  }
  const bound = parseAddress(String(leaves.get('bindAddress') ?? ''));
  const isIPv6 = bound !== null && isIpv6(bound);
  settings.healthAddress ??= readListenAddress(isIPv6 ? '[::]:10256' : '0.0.0.0:10256');
  if (isIPv6) settings.metricsAddress ??= readListenAddress('[::1]:10249');
  settings.conntrackMaxPerCore ??= 32 * 1024;
  settings.conntrackMin ??= 128 * 1024;
  settings.conntrackTcpTimeoutEstablished ??= 24 * 3600;
  settings.conntrackTcpTimeoutCloseWait ??= 3600;
}

/** Values of fields without subfields, by path. */
function collect(
  fields: Readonly<Record<string, unknown>>,
  prefix: string,
  leaves: Map<string, unknown>,
  tell: { fail: (path: string, message: string) => void; warn: (line: string) => void },
): void {
  for (const [name, value] of Object.entries(fields)) {
    const path = prefix + name;
    if (Object.hasOwn(kubeProxyFields, path)) leaves.set(path, value);
    else if (Object.keys(kubeProxyFields).some((known) => known.startsWith(`${path}.`))) {
      if (isRecord(value)) collect(value, `${path}.`, leaves, tell);
      else if (value !== null) tell.fail(path, 'expected a mapping');
    } else {
      tell.warn(`${path}: unknown field, no effect${meantHint(path, Object.keys(kubeProxyFields))}`);
    }
  }
}

/** False for YAML's and kube-proxy's empty values: null, empty, false and 0, unless 0 has a meaning. */
function isSet(path: string, value: unknown): boolean {
  if (value === null || value === '') return false;
  if (MEANINGFUL_ZEROS.has(path)) return true;
  if (value === 0 || value === false) return false;
  if (typeof value === 'string' && /^0(ns|us|µs|ms|s|m|h)?$|^(0[hms])+$/.test(value)) return false;
  return !(typeof value === 'object' && Object.keys(value).length === 0);
}

function typeError(type: FieldType, value: unknown): string | null {
  if (value === null) return null;
  const is = (fits: boolean, expected: string) => (fits ? null : `expected ${expected}`);
  switch (type) {
    case 'text':
      return is(typeof value === 'string', 'a text');
    case 'flag':
      return is(typeof value === 'boolean', 'true or false');
    case 'number':
      return is(typeof value === 'number' && Number.isFinite(value), 'a number');
    case 'duration':
      return is(value === 0 || (typeof value === 'string' && isDuration(value)), 'a duration such as 30s');
    case 'quantity':
      return is(typeof value === 'number' || typeof value === 'string', 'a quantity such as 4Ki');
    case 'texts':
      return is(Array.isArray(value) && value.every((item) => typeof item === 'string'), 'a list of texts');
    case 'flags':
      return is(
        isRecord(value) && Object.values(value).every((flag) => typeof flag === 'boolean'),
        'names with true or false',
      );
    case 'patterns':
      return is(Array.isArray(value) && value.every(isRecord), 'a list of mappings');
    default:
      return type satisfies never;
  }
}

function isDuration(text: string): boolean {
  return /^(0|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)?$/.test(text);
}

function invalid(filename: string, details: readonly string[]): CliError {
  return new CliError(
    'KNAT_CONFIG_INVALID',
    `the configuration of kube-proxy ${filename} cannot be used`,
    details,
  );
}
