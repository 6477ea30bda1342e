import { describe, expect, test } from 'vitest';
import { crdManifest } from '../../scripts/generate/crd-manifest.ts';
import { customResources } from '../../scripts/generate/files.ts';
import { type EgressRule, egressRuleSpec } from '../../src/crds/egress-rule.ts';
import type { JsonSchema } from '../../src/crds/field.ts';
import type { IPPool } from '../../src/crds/ippool.ts';
import { ipPoolSpec } from '../../src/crds/ippool.ts';
import { type NodeNat, type NodeNatStatus, nodeNatStatus } from '../../src/crds/node-nat.ts';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { parsePool } from '../../src/sources/objects/pool.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import { kubernetesErrors } from './kubernetes-models.ts';
import { schemaErrors } from './schema-errors.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

/** Every node of a schema with its path. */
function* nodes(schema: JsonSchema, path: string): Generator<[path: string, schema: JsonSchema]> {
  yield [path, schema];
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
}

const all = customResources.flatMap(({ kind, spec, status }) => [
  ...(spec === null ? [] : nodes(spec.schema, `${kind}.spec`)),
  ...(status === null ? [] : nodes(status.schema, `${kind}.status`)),
]);

describe('the definitions', () => {
  test.each(customResources)('of $kind are known to Kubernetes', (resource) => {
    expect(kubernetesErrors(crdManifest(resource))).toEqual([]);
  });

  test('are structural: a type everywhere, items and properties where they belong, no references', () => {
    expect(all.length).toBeGreaterThan(60);
    for (const [path, schema] of all) {
      expect(schema.description, path).toMatch(/\.$/);
      expect(schema.items !== undefined, path).toBe(schema.type === 'array');
      const names = schema.additionalProperties;
      expect((schema.properties ?? names) !== undefined, path).toBe(schema.type === 'object');
      expect(names === undefined || (schema.maxProperties ?? 0) > 0, path).toBe(true);
      expect(Object.keys(schema.properties ?? {}), path).toEqual(
        expect.arrayContaining([...(schema.required ?? [])]),
      );
    }
  });

  test('bound every list, and map lists by required fields', () => {
    for (const [path, schema] of all) {
      if (schema.type !== 'array') continue;
      expect(schema.maxItems, path).toBeGreaterThan(0);
      const keys = schema['x-kubernetes-list-map-keys'] ?? [];
      expect(schema.items?.required ?? [], path).toEqual(expect.arrayContaining([...keys]));
      expect(schema['x-kubernetes-list-type'], path).toBe(keys.length > 0 ? 'map' : 'atomic');
    }
  });

  test('show columns of fields that exist', () => {
    for (const { kind, columns } of customResources) {
      for (const { jsonPath } of columns.filter(({ name }) => name !== 'Age')) {
        const path = `${kind}${jsonPath.replace(/\[\?.*\]/, '[]')}`;
        expect(all.map(([each]) => each)).toContain(path);
      }
    }
  });
});

/** For each rule a pool that breaks it; the pool may break other rules too. */
const breaking: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'IPPool CIDR must be specified': { cidr: '' },
  'IPPool CIDR must be a valid subnet': { cidr: '10.0.0.0/33' },
  'IPPool CIDR is not strictly masked': { cidr: '10.0.0.1/8' },
  'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.': {
    cidr: '10.0.0.0/27',
  },
  'IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16': { cidr: '169.254.1.0/24' },
  'IPPool CIDR overlaps with IPv6 Link Local range fe80::/10': { cidr: 'fe80::/64' },
  'IPv4 block size must be between 20 and 32': { cidr: '10.0.0.0/8', blockSize: 33 },
  'IPv6 block size must be between 116 and 128': { cidr: 'fd00::/64', blockSize: 26 },
  'Cannot enable both VXLAN and IPIP on the same IPPool': {
    cidr: '10.0.0.0/8',
    ipipMode: 'Always',
    vxlanMode: 'CrossSubnet',
  },
  'IPIP is not supported on an IPv6 IP pool': { cidr: 'fd00::/64', ipipMode: 'Always' },
  'LoadBalancer cannot be used together with Workload or Tunnel: make a pool of its own': {
    cidr: '10.0.0.0/8',
    allowedUses: ['LoadBalancer', 'Workload'],
  },
  'a pool for load balancers cannot be encapsulated: set ipipMode and vxlanMode to Never': {
    cidr: '10.0.0.0/8',
    allowedUses: ['LoadBalancer'],
    vxlanMode: 'Always',
  },
};

describe('the rules of IPPool', () => {
  const rules = ipPoolSpec.schema['x-kubernetes-validations'] ?? [];

  test('are the messages of the parser, all of them', () => {
    expect(rules.map(({ message }) => message)).toEqual(Object.keys(breaking));
    for (const [message, spec] of Object.entries(breaking)) {
      const parsed = parsePool({ metadata: { name: 'p' }, spec }, context);
      const messages = parsed.ok ? [] : parsed.problems.map((problem) => problem.message);
      expect(messages).toContain(message);
    }
  });

  test('read only fields that exist, are bounded, and are always there unless asked with has()', () => {
    const properties = ipPoolSpec.schema.properties ?? {};
    for (const { rule, fieldPath } of rules) {
      expect(Object.keys(properties)).toContain(fieldPath.slice(1));
      const names = [...rule.matchAll(/self\.(\w+)/g)].map(([, name]) => name ?? '');
      expect(names).not.toHaveLength(0);
      for (const name of names) {
        const field = properties[name];
        const bounded =
          field?.type === 'string'
            ? (field.maxLength ?? field.enum)
            : field?.type !== 'array' || field.maxItems;
        expect(bounded, `${name} in ${rule}`).toBeTruthy();
        const present = field?.default !== undefined || ipPoolSpec.schema.required?.includes(name);
        expect(present || rule.includes(`has(self.${name})`), `${name} in ${rule}`).toBe(true);
      }
      expect(rule.match(/\(/g)?.length ?? 0, rule).toBe(rule.match(/\)/g)?.length ?? 0);
      expect((rule.match(/'/g)?.length ?? 0) % 2, rule).toBe(0);
      // Some versions evaluate it wrongly: see ippool-rules.ts.
      expect(rule).not.toContain('containsCIDR');
    }
  });
});

test('types follow the description', () => {
  const pool: IPPool = {
    apiVersion: 'knat.dev/v1',
    kind: 'IPPool',
    metadata: { name: 'pods' },
    spec: { cidr: '10.244.0.0/16', natOutgoing: true, allowedUses: ['Workload'] },
  };
  // @ts-expect-error: cidr is required
  const withoutCidr: IPPool['spec'] = { natOutgoing: true };
  // @ts-expect-error: no such mode
  const unknownMode: IPPool['spec'] = { cidr: '10.0.0.0/8', ipipMode: 'Sometimes' };
  const rule: EgressRule = {
    apiVersion: 'knat.dev/v1',
    kind: 'EgressRule',
    metadata: { name: 'shop' },
    spec: {
      action: 'Snat',
      addresses: ['203.0.113.7'],
      from: { podSelector: { matchLabels: { app: 'web' } } },
    },
  };
  expect([...schemaErrors(rule.spec, egressRuleSpec.schema)]).toEqual([]);
  const node: NodeNat = { apiVersion: 'knat.dev/v1', kind: 'NodeNAT', metadata: { name: 'worker-1' } };
  expect([pool.spec.cidr, withoutCidr.natOutgoing, unknownMode.cidr, node.status]).toEqual([
    '10.244.0.0/16',
    true,
    '10.0.0.0/8',
    undefined,
  ]);
});

describe('the schemas', () => {
  const poolErrors = (spec: unknown) => [...schemaErrors(spec, ipPoolSpec.schema)];
  const statusErrors = (status: unknown) => [...schemaErrors(status, nodeNatStatus.schema)];

  test("take the two examples of Calico's page, and refuse what has the wrong type", () => {
    expect(poolErrors({ cidr: '192.168.0.0/16', natOutgoing: true })).toEqual([]);
    expect(poolErrors({ cidr: '10.0.0.0/8', disabled: true })).toEqual([]);
    expect(poolErrors({ cidr: '10.0.0.0/8', natOutgoing: 'true' })).toEqual(['.natOutgoing']);
    expect(poolErrors({ cidr: '10.0.0.0/8', allowedUses: ['Pods'] })).toEqual(['.allowedUses[0]']);
    expect(poolErrors({})).toEqual(['.cidr']);
  });

  test('accept the status of a node, and refuse an invalid condition', () => {
    const pod = { kind: 'Pod', namespace: 'mail', name: 'mx-0' };
    const status: NodeNatStatus = {
      node: 'worker-1',
      version: '0.1.0',
      mode: 'nftables',
      enabled: ['service', 'pod'],
      counts: { services: 2, frontends: 4, bindings: 1, podSources: 1, pools: 1, conflicts: 1, rejected: 1 },
      bindings: [
        {
          address: '203.0.113.7',
          port: 25,
          protocol: 'TCP',
          pod: { namespace: 'mail', name: 'mx-0' },
          podAddress: '10.244.1.5',
          podPort: 25,
        },
      ],
      conflicts: [{ key: '203.0.113.7:25/TCP', winner: pod, losers: [pod], because: 'the last one has it' }],
      rejected: [{ object: { kind: 'IPPool', name: 'p' }, reason: 'NatInvalid', message: 'no CIDR' }],
      conditions: [
        {
          type: 'Synced',
          status: 'True',
          observedGeneration: 1,
          lastTransitionTime: '2026-01-02T03:04:05Z',
          reason: 'InSync',
          message: 'all sources are in sync',
        },
      ],
    };
    expect(statusErrors(status)).toEqual([]);
    const conditions = [{ ...status.conditions[0], type: 'Ready' }];
    expect(statusErrors({ ...status, conditions })).toEqual(['.conditions[0].type']);
  });
});

test('every NodeNAT is below 1 MiB', () => {
  // In bytes: names are ASCII; texts for people may quote what users wrote, in two bytes a character.
  const forPeople = /message|because|field$/;
  const largest = (schema: JsonSchema, name: string): number => {
    switch (schema.type) {
      case 'object':
        return Object.entries(schema.properties ?? {}).reduce(
          (sum, [key, child]) => sum + key.length + 4 + largest(child, key),
          2,
        );
      case 'array':
        return (schema.maxItems ?? Number.POSITIVE_INFINITY) * (largest(schema.items ?? schema, name) + 1);
      case 'string': {
        const words = schema.enum?.map((word) => word.length);
        const length =
          words === undefined ? (schema.maxLength ?? (schema.format ? 30 : Infinity)) : Math.max(...words);
        return 2 + length * (forPeople.test(name) ? 2 : 1);
      }
      default:
        return 20;
    }
  };
  expect(largest(nodeNatStatus.schema, '')).toBeLessThan(1024 * 1024);
});
