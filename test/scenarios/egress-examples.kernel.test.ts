/** examples/egress unchanged, with real packets: each file together with cluster.yaml does what docs/egress.md says. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { planOnce } from '../../src/agent/offline.ts';
import { answerFlow } from '../../src/explain/answer.ts';
import { formatEndpoint } from '../../src/net/address.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import type { Planner } from '../../src/plan/planner.ts';
import { dirSource } from '../../src/sources/dir/dir-source.ts';
import { ip, pod, portOf, present } from '../generators/build.ts';
import { allSettled, Stage } from '../netns/stage.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/egress/', import.meta.url));
const signal = new AbortController().signal;

const WEB_0 = '10.244.1.10';
const WEB_1 = '10.244.1.11';
const PROBE = '10.244.1.20';
/** Of the pool, and of no pod. */
const NEW_POD = '10.244.1.30';
const WEB_0_SIX = 'fd00:244::10';
const RELAY = '198.51.100.25';
const DATA_CENTRE = '198.51.100.80';
const OUTSIDE = '100.64.9.9';
const OUTSIDE_SIX = '2001:db8:9::9';
const PRINTER = '10.1.2.3';
const OFFICE = '10.1.2.4';
const NODE = '192.0.2.10';
const NODE_SIX = '2001:db8::10';

const targets = [RELAY, DATA_CENTRE, OUTSIDE, OUTSIDE_SIX, PRINTER, OFFICE].flatMap((address) =>
  [25, 443].flatMap((port) =>
    (['TCP', 'UDP'] as const).map((protocol) => ({ address: ip(address), protocol, port })),
  ),
);

let stage: Stage;
let folder: string;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [NODE, '203.0.113.7', '203.0.113.8', NODE_SIX, '2001:db8::7'].map(ip),
    sources: [WEB_0, WEB_1, PROBE, NEW_POD, WEB_0_SIX].map(ip),
    targets,
  });
});

afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => stage.dispose());

/** Programs the plan of cluster.yaml and the example. */
async function program(example: string): Promise<Planner> {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  for (const file of ['cluster.yaml', example]) cpSync(join(EXAMPLES, file), join(folder, file));
  const settings = {
    nodeName: 'worker-1',
    nodeConfig: {},
    plan: defaultPlanOptions,
    source: dirSource(folder),
  };
  const { planner, problems } = await planOnce(settings, null, signal);
  expect(problems).toEqual([]);
  expect([...planner.plan.notices()]).toEqual([]);
  await stage.datapath.converge(planner.plan, signal);
  return planner;
}

/** The source that the destination sees (`kept` or an address) or the failure, and why; checks that the plan says the same. */
async function seen(
  planner: Planner,
  from: string,
  to: string,
  port = 443,
  protocol: Protocol = 'TCP',
): Promise<[string, string]> {
  const source = ip(from);
  const address = ip(to);
  const packet = { source, protocol, destination: address, port: portOf(port) };
  const { verdict, snat, because } = answerFlow(planner.plan, planner.node, packet);
  const ended = await stage.dial({ source, address, protocol, port }, verdict === 'drop' ? 500 : 2500);
  const kernel =
    ended.outcome === 'answered'
      ? ended.sawSource === ended.from
        ? 'kept'
        : ended.sawSource.replace(/^\[?(.*?)\]?:\d+$/, '$1')
      : ended.outcome;
  const reported =
    verdict === 'drop'
      ? 'timeout'
      : snat === 'node'
        ? from.includes(':')
          ? NODE_SIX
          : NODE
        : (snat ?? 'kept');
  expect(kernel, `${source} → ${formatEndpoint(address, port)}: ${because}`).toBe(reported);
  return [kernel, because];
}

test('1: exclusions and inclusions', async () => {
  const planner = await program('1-exclusion-and-inclusion.yaml');
  const cases: [string, number, Protocol, string, string][] = [
    [RELAY, 25, 'TCP', NODE, 'the relay trusts nodes'],
    [RELAY, 25, 'UDP', 'kept', 'the data centre routes to pods'],
    [RELAY, 443, 'TCP', 'kept', 'the data centre routes to pods'],
    [DATA_CENTRE, 443, 'TCP', 'kept', 'the data centre routes to pods'],
    [OUTSIDE, 443, 'TCP', NODE, 'natOutgoing'],
    [PRINTER, 443, 'TCP', NODE, 'the printer answers to nodes only'],
    [OFFICE, 443, 'TCP', 'kept', 'IPPool office'],
  ];
  await allSettled(
    cases.map(async ([to, port, protocol, expected, reason]) => {
      const [kernel, because] = await seen(planner, WEB_0, to, port, protocol);
      expect([to, port, protocol, kernel]).toEqual([to, port, protocol, expected]);
      expect(because).toContain(reason);
    }),
  );
});

test('2: the address of a namespace, and nothing else for a pod that is not known yet', async () => {
  const planner = await program('2-address-of-a-namespace.yaml');
  expect(await seen(planner, WEB_0, OUTSIDE)).toEqual([
    '203.0.113.7',
    expect.stringContaining("the partner's firewall knows this address"),
  ]);
  expect((await seen(planner, WEB_0, OFFICE))[0]).toBe('kept');
  expect((await seen(planner, PROBE, OUTSIDE))[0]).toBe(NODE);
  expect((await seen(planner, WEB_0_SIX, OUTSIDE_SIX))[0]).toBe(NODE_SIX);

  expect(await seen(planner, NEW_POD, OUTSIDE)).toEqual([
    'timeout',
    expect.stringContaining('no Pod of this address is known'),
  ]);
  const fact = pod([], {
    namespace: 'shop',
    name: 'web-2',
    nodeName: 'worker-1',
    ips: [ip(NEW_POD)],
    nat: null,
  });
  planner.apply([present('Pod', fact)]);
  const report = await stage.datapath.converge(planner.update(), signal);
  // The range around the pod is cut into three, in the map and in the set of sources before it.
  expect(report.elementsAdded + report.elementsDeleted).toBeLessThanOrEqual(8);
  expect((await seen(planner, NEW_POD, OUTSIDE))[0]).toBe('203.0.113.7');
});

test('3: several addresses: a pod always has the same', async () => {
  const planner = await program('3-several-addresses.yaml');
  const pair = ['203.0.113.7', '203.0.113.8'];
  for (const source of [WEB_0, WEB_1]) {
    const first = (await seen(planner, source, OUTSIDE))[0];
    expect(pair).toContain(first);
    const again = await allSettled(
      [DATA_CENTRE, RELAY, OUTSIDE].map((to) => seen(planner, source, to, 25, 'UDP')),
    );
    expect(again.map(([kernel]) => kernel)).toEqual([first, first, first]);
  }
  expect((await seen(planner, WEB_0_SIX, OUTSIDE_SIX))[0]).toBe('2001:db8::7');
  expect((await seen(planner, PROBE, OUTSIDE))[0]).toBe(NODE);
});
