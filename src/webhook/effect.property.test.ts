import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  endpoint,
  ip,
  natEntry,
  nodeObject,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import { factChange } from '../../test/generators/facts.ts';
import { composeNodeFacts } from '../agent/node-facts.ts';
import { deepEqual } from '../model/equal.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { packetChanges } from '../what-if/classes.ts';
import { eachChangeJson } from '../what-if/json.ts';
import { planChange } from '../what-if/planned.ts';
import { ClusterState } from './cluster-state.ts';
import { type Effect, effectOf } from './effect.ts';
import { NOTHING_PROTECTED } from './expectations.ts';

const RUNS = Number(process.env.KNAT_WHAT_IF_RUNS ?? 60);
const NODES = ['node-a', 'node-b', 'node-c'];
const addresses = ['192.0.2.1', '192.0.2.2', '203.0.113.7'];

/** Few names, addresses and ports, so that objects meet. */
const someService = fc
  .record({
    name: fc.constantFrom('web', 'api', 'db'),
    cluster: fc.constantFrom('10.96.0.10', '10.96.0.11'),
    external: fc.subarray(addresses),
    port: fc.constantFrom(25, 80, 443),
    nodePort: fc.option(fc.constantFrom(25, 30_080)),
    local: fc.boolean(),
    age: fc.nat(3),
  })
  .map(({ name, cluster, external, port, nodePort, local, age }) =>
    present(
      'Service',
      service({
        ...{ name, uid: name, createdAt: age, clusterIPs: [ip(cluster)], externalIPs: external.map(ip) },
        ports: [servicePort(port, { nodePort: nodePort === null ? null : portOf(nodePort) })],
        externalTrafficPolicy: local ? 'Local' : 'Cluster',
      }),
    ),
  );
const someSlice = fc
  .record({
    of: fc.constantFrom('web', 'api', 'db'),
    pods: fc.subarray(['10.244.1.5', '10.244.2.6', '10.244.3.7']),
    at: fc.constantFrom(...NODES),
  })
  .map(({ of, pods, at }) =>
    present(
      'EndpointSlice',
      slice(
        pods.map((each) => endpoint(each, { nodeName: at })),
        { name: `${of}-1`, serviceName: of, family: 'IPv4' },
      ),
    ),
  );
const somePod = fc
  .record({
    name: fc.constantFrom('smtp', 'imap'),
    at: fc.constantFrom(...NODES),
    address: fc.constantFrom('10.244.1.5', '10.244.2.6'),
    port: fc.constantFrom(25, 443, 30_080),
    age: fc.nat(3),
  })
  .map(({ name, at, address, port, age }) =>
    present(
      'Pod',
      pod([natEntry({ sourcePort: portOf(port) })], {
        ...{ name, uid: name, nodeName: at, ips: [ip(address)], createdAt: age },
      }),
    ),
  );
const nodes = NODES.map((name, index) => present('Node', nodeObject(name, [addresses[index] ?? ''])));
const meeting = fc.oneof(someService, someSlice, somePod);

const gone = fc.oneof(meeting, factChange).map((change) => ({ ...change, fact: null }) as FactChange);
const question = fc.record({
  before: fc.array(fc.oneof({ weight: 3, arbitrary: meeting }, factChange), { maxLength: 20, size: 'max' }),
  change: fc.oneof(meeting, gone, factChange),
});

/** One planner with everything, as `knat what-if` has it; the Pods are those of the node, as an agent has them. */
function whole(node: string, facts: readonly FactChange[], change: FactChange): string[] {
  const own = facts.findLast(({ kind, key }) => kind === 'Node' && key === node)?.fact;
  const planner = new Planner(composeNodeFacts(node, own as never, {}, null), defaultPlanOptions);
  const current = new Map(facts.map((each) => [`${each.kind} ${each.key}`, each]));
  planner.apply([...current.values()].filter((each) => each.kind !== 'Pod' || each.fact?.nodeName === node));
  planner.update();
  return textsOf(
    eachChangeJson(packetChanges(planChange(planner, [change], planner.node, () => null).comparison)),
  );
}

function textsOf(changes: Iterable<object>): string[] {
  return [...changes].map((each) => JSON.stringify(each)).sort();
}

function effect(facts: readonly FactChange[], change: FactChange): { effect: Effect; state: ClusterState } {
  const state = new ClusterState({ nodeConfig: {}, plan: defaultPlanOptions });
  for (const each of facts) state.apply([each]);
  const judge = () => {
    throw new Error('nothing is protected');
  };
  const reviewed = { changes: [change], former: [], problems: [] };
  const asked = { state, guarded: NOTHING_PROTECTED, judge, isOver: () => false };
  return { effect: effectOf(reviewed, asked), state };
}

/** Changes of pools and of what senders are: packets to Services are left to what-if (docs/webhook.md). */
function isWholly({ kind, key, fact }: FactChange, facts: readonly FactChange[]): boolean {
  if (kind === 'Service' || kind === 'EndpointSlice') return true;
  if (kind !== 'Pod' || fact === null) return false;
  const former = facts.findLast((each) => each.kind === 'Pod' && each.key === key)?.fact ?? null;
  // The annotation alone.
  return deepEqual({ ...former, nat: null, createdAt: 0 }, { ...fact, nat: null, createdAt: 0 });
}

test('on every node the answer is that of a plan with everything', () => {
  fc.assert(
    fc.property(question, ({ before, change }) => {
      const facts = [...nodes, ...before];
      fc.pre(isWholly(change, facts));
      const { effect: found, state } = effect(facts, change);
      const grouped = new Set(found.alike.flatMap((group) => group.nodes));
      // What a Pod itself sends to Services with endpoints outside is left to what-if too.
      const ofKind = (texts: string[]) =>
        change.kind === 'Pod' ? texts.filter((text) => !text.includes('Service ')) : texts;
      for (const { nodes: alike, whatIf } of found.alike) {
        const whatIfTexts = ofKind(textsOf(eachChangeJson(whatIf.changes)));
        expect(whatIfTexts).toEqual(ofKind(whole(alike[0] ?? '', facts, change)));
      }
      for (const { name: node } of state.plans()) {
        if (!grouped.has(node)) expect(ofKind(whole(node, facts, change))).toEqual([]);
      }
    }),
    { numRuns: RUNS },
  );
});

test('a question leaves the state as it was: the second answer is the first', () => {
  fc.assert(
    fc.property(question, ({ before, change }) => {
      const { effect: first, state } = effect([...nodes, ...before], change);
      const asked = { state, guarded: NOTHING_PROTECTED, judge: () => null as never, isOver: () => false };
      const again = effectOf({ changes: [change], former: [], problems: [] }, asked);
      const texts = ({ alike }: Effect) =>
        alike.map((group) => [group.nodes, textsOf(eachChangeJson(group.whatIf.changes))]);
      expect(texts(again)).toEqual(texts(first));
    }),
    { numRuns: RUNS },
  );
});
