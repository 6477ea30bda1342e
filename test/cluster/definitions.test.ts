import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultPodNatOptions } from '../../src/sources/objects/metadata.ts';
import { parsePool } from '../../src/sources/objects/pool.ts';
import { SharedValues } from '../../src/sources/objects/shared.ts';
import { statusOf } from '../../src/status/kube/status.ts';
import { poolSpec } from '../generators/pool-spec.ts';
import { fixedAccount, fixedBinding, fixedProgrammed } from './accounts.ts';
import type { Cluster } from './cluster.ts';
import { ClusterClient, type Manifest } from './cluster-client.ts';
import { until } from './recorder.ts';
import type { ApiObject } from './simulator/objects.ts';
import { startCluster, unlessReal } from './start-cluster.ts';

/**
 * How a real API server treats the CustomResourceDefinitions and objects of their kinds. It needs the network
 * functions of CEL: Kubernetes 1.31 or newer. The simulator checks no schemas; test/chart does that.
 */

const definitions = readdirSync('charts/knat/crds').map(
  (name) => parse(readFileSync(`charts/knat/crds/${name}`, 'utf8')) as Manifest,
);
const POOLS = '/apis/knat.dev/v1/ippools';
const NODE_NAT = '/apis/knat.dev/v1/nodenats/node-a';
const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

let cluster: Cluster;
let client: ClusterClient;

describe.skipIf(unlessReal('definitions', 'it checks no schemas'))('definitions', () => {
  beforeAll(async () => {
    cluster = await startCluster();
    client = new ClusterClient(cluster);
    for (const each of definitions) await client.create(each);
    for (const { metadata } of definitions) {
      const plural = metadata.name.replace(/\..*/, '');
      await until(
        async () => (await client.request('GET', `/apis/knat.dev/v1/${plural}`)).status,
        (status) => status === 200,
      );
    }
  }, 180_000);

  afterAll(async () => {
    await cluster.stop();
  });

  test('are accepted as they are: names free, structural, nothing pruned', async () => {
    for (const { metadata, spec } of definitions) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
      const { body } = await client.request('GET', path);
      const conditions = (body.status as { conditions: { type: string; status: string }[] }).conditions;
      expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
        NamesAccepted: 'True',
        Established: 'True',
      });
      expect(body.spec).toMatchObject(spec as object);
    }
  });

  test('a pool is refused with the messages of the parser, and accepted when the parser accepts it', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(poolSpec, async (spec) => {
        const name = `p${number++}`;
        const body = { apiVersion: 'knat.dev/v1', kind: 'IPPool', metadata: { name }, spec };
        const reply = await client.request('POST', POOLS, body);
        const parsed = parsePool(body, context);
        const reported = parsed.ok ? [] : parsed.problems.map(({ message }) => message);
        expect(reply.status, JSON.stringify([spec, reply.body])).toBe(parsed.ok ? 201 : 422);
        const message = String((reply.body as { message?: unknown }).message ?? '');
        // The server reports a bound of the schema first, and nothing else.
        if (/should be (less|greater)/.test(message)) return;
        expect(reported.filter((each) => !message.includes(each))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  const headers = { apiVersion: 'knat.dev/v1', kind: 'NodeNAT' } as const;
  const apply = async (status: unknown) =>
    await client.request(
      'PATCH',
      `${NODE_NAT}/status?fieldManager=knat&force=true`,
      { ...headers, metadata: { name: 'node-a' }, status },
      'application/apply-patch+yaml',
    );

  test('the status of a NodeNAT: through its subresource alone, whole, and as large as it gets', async () => {
    expect((await apply({})).status).toBe(404);
    const created = { ...headers, metadata: { name: 'node-a' }, status: { mode: 'nftables' } };
    const { status: code, body } = await client.request('POST', '/apis/knat.dev/v1/nodenats', created);
    expect([code, body.status]).toEqual([201, undefined]);
    const rows = {
      bindings: Array.from({ length: 500 }, (_, index) => ({
        address: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
        port: 1000 + index,
        protocol: 'TCP' as const,
        pod: { namespace: 'n'.repeat(63), name: 'p'.repeat(253) },
        podAddress: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
        podPort: 25,
      })),
      conflicts: Array.from({ length: 100 }, (_, index) => ({
        key: `[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:${1000 + index}/TCP`,
        winner: { kind: 'Service', namespace: 'n'.repeat(63), name: 's'.repeat(63) },
        losers: Array.from({ length: 8 }, (_, at) => ({ kind: 'Pod', namespace: 'shop', name: `p-${at}` })),
        because: 'b'.repeat(256),
      })),
      rejected: Array.from({ length: 100 }, (_, index) => ({
        object: { kind: 'Pod', namespace: 'shop', name: `p-${index}` },
        reason: 'NatInvalid',
        code: 'KNAT_PORT_INVALID',
        field: 'f'.repeat(256),
        message: 'ü'.repeat(1024),
      })),
    };
    const programmed = { ...fixedProgrammed, bindings: [fixedBinding(25)] };
    const status = statusOf({ ...fixedAccount, programmed }, rows, null, 1, '2026-01-01T00:00:00Z');
    const large = await apply(status);
    expect([large.status, large.body.status]).toEqual([200, status]);
    const small = statusOf(fixedAccount, { ...rows, bindings: [] }, null, 1, '2026-01-01T00:00:00Z');
    expect((await apply(small)).body.status).toEqual(small);
    const { body: after } = await client.request('GET', NODE_NAT);
    expect(after.metadata.generation).toBe(1);
    const wrong = await apply({ ...small, mode: 'ebpf' });
    expect([wrong.status, String((wrong.body as ApiObject).message)]).toEqual([
      422,
      expect.stringContaining('Unsupported value: "ebpf": supported values: "nftables", "iptables"'),
    ]);
  });

  test('kubectl get prints the columns', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await client.request('GET', NODE_NAT, undefined, undefined, accept);
    const { columnDefinitions, rows } = body as unknown as {
      columnDefinitions: { name: string }[];
      rows: { cells: unknown[] }[];
    };
    expect(columnDefinitions.map(({ name }) => name)).toEqual([
      'Name',
      'Node',
      'Mode',
      'Services',
      'Bindings',
      'Pools',
      'Conflicts',
      'Ready',
      'Age',
    ]);
    expect(rows[0]?.cells.slice(0, 8)).toEqual(['node-a', 'node-a', 'nftables', 2, 0, 1, 0, 'True']);
  });
});
