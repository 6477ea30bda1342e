import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipPoolSpec } from '../../src/crds/ippool.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { parsePool } from '../../src/sources/objects/pool.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import { poolSpec } from '../generators/pool-spec.ts';
import { KubernetesCidr, KubernetesIp } from './kubernetes-cidr.ts';

/** CEL as the API server has it for this schema: `self` with the types of the fields, and the network functions. */
const environment = new Environment()
  .registerType('Ip', { ctor: KubernetesIp, fields: {} })
  .registerType('Cidr', { ctor: KubernetesCidr, fields: {} })
  .registerFunction('isCIDR(string): bool', (text: string) => KubernetesCidr.parse(text) !== null)
  .registerFunction('cidr(string): Cidr', (text: string) => {
    const parsed = KubernetesCidr.parse(text);
    if (parsed === null) throw new Error(`${text} is no CIDR`);
    return parsed;
  })
  .registerFunction('Cidr.ip(): Ip', (cidr: KubernetesCidr) => cidr.ip)
  .registerFunction('Cidr.masked(): Cidr', (cidr: KubernetesCidr) => cidr.masked())
  .registerFunction('Cidr.prefixLength(): int', (cidr: KubernetesCidr) => BigInt(cidr.length))
  .registerFunction('Cidr.containsIP(Ip): bool', (cidr: KubernetesCidr, ip: KubernetesIp) =>
    cidr.contains(ip),
  )
  .registerFunction('Cidr.containsIP(string): bool', (cidr: KubernetesCidr, text: string) => {
    const ip = KubernetesIp.parse(text);
    if (ip === null) throw new Error(`${text} is no address`);
    return cidr.contains(ip);
  })
  .registerFunction('Ip.family(): int', (ip: KubernetesIp) => BigInt(ip.family))
  .registerOperator('Cidr == Cidr', (a: KubernetesCidr, b: KubernetesCidr) => a.equals(b))
  .registerVariable('self', 'map');

const { properties = {}, 'x-kubernetes-validations': rules = [] } = ipPoolSpec.schema;
const compiled = rules.map(({ rule, message }) => ({ message, evaluate: environment.parse(rule) }));
const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

/** The messages of the rules that the spec breaks, after the API server has filled in the defaults. */
function refusals(spec: Readonly<Record<string, unknown>>): string[] {
  const self: Record<string, unknown> = {};
  for (const [name, { default: fallback }] of Object.entries(properties)) {
    const value = spec[name] ?? fallback;
    if (value !== undefined) self[name] = typeof value === 'number' ? BigInt(value) : value;
  }
  return compiled.filter(({ evaluate }) => evaluate({ self }) !== true).map(({ message }) => message);
}

test('the rules of IPPool say what the parser says', () => {
  fc.assert(
    fc.property(poolSpec, (each) => {
      const parsed = parsePool({ metadata: { name: 'p' }, spec: each }, context);
      const messages = new Set(parsed.ok ? [] : parsed.problems.map(({ message }) => message));
      const refused = new Set(refusals(each));
      expect(refused).toEqual(messages);
    }),
    { numRuns: 1000 },
  );
});

test.each(rules)('"$message" is a rule that can be evaluated', ({ rule }) => {
  expect(environment.check(rule)).toMatchObject({ valid: true });
});
