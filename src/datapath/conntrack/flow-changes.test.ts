import { expect, test } from 'vitest';
import { absent, ip, nodeFacts, portOf, present, service, slice } from '../../../test/generators/build.ts';
import type { FactChange } from '../../model/facts.ts';
import type { Protocol } from '../../net/protocol.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { DialledTuples, FlowChangeNotes } from './flow-changes.ts';

const KEY = '10.96.0.10:80/TCP';
const OWN = ip('192.0.2.10');

/** What a converge wrote. */
interface Mended {
  readonly compared: 'changes' | 'everything';
  readonly elementsAdded: number;
}

/** An agent's life: each step is what a converge was given, and what it found gone in the kernel. */
class Life {
  readonly notes = new FlowChangeNotes();
  readonly #planner = new Planner(nodeFacts(), defaultPlanOptions);
  #revision: number | null = null;

  step(
    changes: readonly FactChange[],
    gone: ReadonlySet<string> | null = null,
    skeleton: 'kept' | 'loaded' | 'changed' = 'kept',
    { compared = 'changes', elementsAdded = 0 }: Partial<Mended> = {},
  ) {
    this.#planner.apply(changes);
    const plan = this.#planner.update();
    const changed = this.#revision === null ? null : plan.changedSince(this.#revision);
    this.#revision = plan.revision;
    this.notes.note(plan, changed, { skeleton, gone, compared, elementsAdded }, [OWN]);
  }
}

const web = [present('Service', service()), present('EndpointSlice', slice(['10.244.1.5']))];

test('the first time all is looked at, and compared with what the kernel had', () => {
  const life = new Life();
  life.step(web, new Set(['10.96.0.99:53/UDP']));
  const compare = { localAddresses: new Set([OWN]), isLost: false };
  expect(life.notes.take()).toEqual({ keys: null, gone: new Set(['10.96.0.99:53/UDP']), compare });
  expect(life.notes.take()).toBeNull();
});

test('where not everything could be read, the comparison comes when it can be', () => {
  const life = new Life();
  life.step(web, null, 'loaded');
  expect(life.notes.take()).toEqual({ keys: null, gone: new Set(), compare: null });
  life.step([]);
  expect(life.notes.isEmpty).toBe(true);
  life.step([], new Set([KEY, '10.96.0.99:53/UDP']));
  expect(life.notes.take()).toMatchObject({
    keys: new Set([KEY]),
    gone: new Set(['10.96.0.99:53/UDP']),
    compare: { isLost: true },
  });
  // What is mended later is no comparison with an earlier agent.
  life.step([], new Set());
  expect(life.notes.take()).toBeNull();
});

test.each([
  ['elements were missing', 'kept', 3, true],
  ['rules were missing', 'changed', 0, true],
  ['only something else was added, or nothing', 'kept', 0, false],
] as const)('a repair: %s', (_, skeleton, elementsAdded, isLookedAt) => {
  const life = new Life();
  life.step(web, new Set());
  life.notes.take();
  life.step([], new Set(), skeleton, { compared: 'everything', elementsAdded });
  const taken = life.notes.take();
  expect(taken).toEqual(isLookedAt ? { keys: null, gone: new Set(), compare: null } : null);
});

test('changes that were not taken yet are taken together', () => {
  const life = new Life();
  life.step([], new Set());
  life.notes.take();
  life.step(web);
  life.step([present('EndpointSlice', slice(['10.244.1.6']))]);
  expect(life.notes.take()).toEqual({ keys: new Set([KEY]), gone: new Set(), compare: null });
  life.step([absent('Service', 'shop/web')]);
  const taken = life.notes.take();
  expect(taken).toEqual({ keys: new Set(), gone: new Set([KEY]), compare: null });
  if (taken === null) throw new Error('nothing');
  life.step(web);
  life.notes.add(taken);
  expect(life.notes.take()).toEqual({ keys: new Set([KEY]), gone: new Set([KEY]), compare: null });
});

test('changes that no flow depends on are none', () => {
  const life = new Life();
  life.step(web, new Set());
  life.notes.take();
  life.step([present('Service', service({ createdAt: 1000 }))]);
  life.step([], new Set(['cluster-ip 10.96.0.99', 'from 10.244.1.5/UDP']));
  expect(life.notes.take()).toBeNull();
});

test('dialled tuples differ by address, protocol and port', () => {
  const tuples = new DialledTuples([KEY, '[fd00:96::10]:53/UDP', '203.0.113.7:5000-5009/UDP', 'scope IPv4']);
  const has = (address: string, protocol: Protocol, port: number) =>
    tuples.has({ address: ip(address), protocol, port: portOf(port) });
  for (const port of [5000, 5009]) expect(has('203.0.113.7', 'UDP', port)).toBe(true);
  for (const port of [4999, 5010]) expect(has('203.0.113.7', 'UDP', port)).toBe(false);
  expect(has('10.96.0.10', 'TCP', 80)).toBe(true);
  expect(has('10.96.0.10', 'UDP', 80)).toBe(false);
  expect(has('10.96.0.10', 'TCP', 81)).toBe(false);
  expect(has('fd00:96::10', 'UDP', 53)).toBe(true);
  expect(new DialledTuples(['scope IPv4']).isEmpty).toBe(true);
});
