import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { egressRuleSpec } from '../../src/crds/egress-rule.ts';
import type { JsonSchema } from '../../src/crds/field.ts';
import { ipPoolSpec } from '../../src/crds/ippool.ts';
import { parseEgressRule } from '../../src/sources/objects/egress-rule.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { parsePool } from '../../src/sources/objects/pool.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import { poolSpec } from '../generators/pool-spec.ts';
import { KubernetesCidr, KubernetesIp } from './kubernetes-cidr.ts';

/** CEL as the API server has it for this schema: `self` with the types of the fields, and the network functions. */
const environment = new Environment()
  .registerType('Ip', { ctor: KubernetesIp, fields: {} })
  .registerType('Cidr', { ctor: KubernetesCidr, fields: {} })
  .registerFunction('isIP(string): bool', (text: string) => KubernetesIp.parse(text) !== null)
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

test('the rules of IPPool refuse what the parser refuses', () => {
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

/** The messages of all rules in a schema for a value that fits the schema. */
function* broken(value: unknown, schema: JsonSchema): Generator<string> {
  const self = withNumbers(value, schema);
  for (const { rule, message } of schema['x-kubernetes-validations'] ?? []) {
    if (environment.parse(rule)({ self }) !== true) yield message;
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const child = (value as Record<string, unknown>)[name];
    if (child !== undefined) yield* broken(child, field);
  }
  if (schema.items !== undefined) for (const item of value as unknown[]) yield* broken(item, schema.items);
}

function withNumbers(value: unknown, schema: JsonSchema): unknown {
  if (schema.properties === undefined) return typeof value === 'number' ? BigInt(value) : value;
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([name, field]) => {
      const child = (value as Record<string, unknown>)[name] ?? field.default;
      return child === undefined ? [] : [[name, withNumbers(child, field)]];
    }),
  );
}

test.each<[Record<string, unknown>, string[]]>([
  [{ action: 'Keep' }, []],
  [{ action: 'Snat', addresses: ['203.0.113.7', '2001:db8::7'], fallback: 'drop' }, []],
  [{ action: 'Keep', to: [{ cidr: '198.51.100.0/24', protocol: 'TCP', port: 1, endPort: 1 }] }, []],
  [{ action: 'Snat' }, ['Snat needs at least one address to leave with']],
  [{ action: 'Snat', addresses: [] }, ['Snat needs at least one address to leave with']],
  [
    { action: 'Keep', addresses: ['203.0.113.7'] },
    ['only Snat uses addresses: remove them, or set action to Snat'],
  ],
  [{ action: 'Snat', addresses: ['203.0.113.256'] }, ['one of the addresses is no IPv4 or IPv6 address']],
  [{ action: 'Masquerade', fallback: 'drop' }, ['fallback applies to Snat only: remove it']],
  [{ action: 'Keep', to: [{ cidr: '1.2.3.4' }] }, ['the network is no CIDR: write ADDRESS/LENGTH']],
  [
    { action: 'Keep', to: [{ cidr: '10.0.0.1/8' }] },
    ['the network has host bits set: write the network address'],
  ],
  [{ action: 'Keep', to: [{ cidr: '10.0.0.0/8', port: 5 }] }, ['a port needs a protocol: TCP, UDP or SCTP']],
  [
    { action: 'Keep', to: [{ cidr: '10.0.0.0/8', protocol: 'UDP', endPort: 5 }] },
    ['endPort needs port, the first of the range'],
  ],
  [
    { action: 'Keep', to: [{ cidr: '10.0.0.0/8', protocol: 'UDP', port: 6, endPort: 5 }] },
    ['the range of ports runs backwards'],
  ],
])('the rules of EgressRule refuse what the parser refuses: %j', (each, messages) => {
  expect([...broken(each, egressRuleSpec.schema)]).toEqual(messages);
  const parsed = parseEgressRule({ metadata: { name: 'r' }, spec: each }, context);
  expect(parsed.ok).toBe(messages.length === 0);
});

test.each(rules)('"$message" is a rule that can be evaluated', ({ rule }) => {
  expect(environment.check(rule)).toMatchObject({ valid: true });
});
