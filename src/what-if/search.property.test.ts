import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alikeServices } from '../../test/generators/alike-services.ts';
import { ip, present } from '../../test/generators/build.ts';
import { busyNode } from '../../test/generators/busy-node.ts';
import { egressRule, factChange, thisNode } from '../../test/generators/facts.ts';
import { progressOf } from '../../test/generators/progress.ts';
import { answerFlow } from '../explain/answer.ts';
import type { Packet } from '../explain/packet.ts';
import type { ChangeJson, PacketClass } from '../forms/what-if.ts';
import type { FactChange } from '../model/facts.ts';
import { matchesInterface, type NodeFacts } from '../model/node.ts';
import { addressFromNumber, addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { addressBits, FAMILIES, type Family } from '../net/family.ts';
import { parsePort } from '../net/port.ts';
import { parseLoosePrefix, prefixSet } from '../net/prefix.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import { canonicalPlan } from '../plan/canonical.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { packetChanges } from './classes.ts';
import { type DialledPorts, endpointsOf, isDialled, portsOfEntry } from './dialled.ts';
import { eachChangeJson } from './json.ts';
import { planChange } from './planned.ts';

/** Packets for each pair of states; the long run has more pairs. */
const PACKETS = 400;
const LONG = process.env.KNAT_WHAT_IF_RUNS ?? '';
const RUNS = LONG === '' ? 60 : Number(LONG);

interface Pair {
  readonly node: NodeFacts;
  readonly nodeAfter: NodeFacts;
  readonly before: readonly FactChange[];
  readonly changes: readonly FactChange[];
}

const rules = fc.array(
  egressRule.map((fact) => present('EgressRule', fact)),
  { maxLength: 2 },
);

/** Two states: one change or several, of objects that mostly fit together, mostly collide, or are almost alike. */
const pair: fc.Arbitrary<Pair> = fc.oneof(
  fc
    .record({
      state: busyNode,
      rules,
      changes: fc.array(factChange, { maxLength: 3 }),
      other: fc.option(thisNode, { freq: 6 }),
    })
    .map(({ state, rules, changes, other }) => ({
      node: state.node,
      nodeAfter: other === null ? state.node : { ...state.node, localAddresses: other.localAddresses },
      before: [...state.changes, ...rules],
      changes,
    })),
  fc
    .record({
      node: thisNode,
      before: fc.array(factChange, { maxLength: 25, size: 'max' }),
      changes: fc.array(factChange, { maxLength: 4 }),
    })
    .map((state) => ({ ...state, nodeAfter: state.node })),
  fc.record({ a: busyNode, b: busyNode, rules }).map(({ a, b, rules }) => ({
    node: a.node,
    nodeAfter: { ...a.node, localAddresses: b.node.localAddresses },
    before: [...a.changes, ...rules],
    changes: b.changes,
  })),
  {
    weight: 3,
    arbitrary: alikeServices.map((state) => ({ ...state, nodeAfter: state.node })),
  },
);

function planned(node: NodeFacts, facts: readonly FactChange[]): Planner {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(facts);
  planner.update();
  return planner;
}

function whatIf({ node, nodeAfter, before, changes }: Pair): ChangeJson[] {
  const { comparison } = planChange(planned(node, before), changes, nodeAfter, () => null);
  return [...eachChangeJson(packetChanges(comparison))];
}

/** The values at which anything of the plans begins or ends, and their neighbours. */
interface Edges {
  readonly addresses: Readonly<Record<Family, readonly IpAddress[]>>;
  readonly ports: readonly number[];
}

function edgesOf(about: unknown): Edges {
  const texts = JSON.stringify(about);
  const numbers = { IPv4: new Set<bigint>(), IPv6: new Set<bigint>() };
  const note = (family: Family, number: bigint) => {
    const last = (1n << BigInt(addressBits[family])) - 1n;
    for (const near of [number - 1n, number, number + 1n]) {
      if (near >= 0n && near <= last) numbers[family].add(near);
    }
  };
  for (const [text] of texts.matchAll(/[0-9a-f]*[.:][0-9a-f.:]+(\/\d+)?/g)) {
    const prefix = parseLoosePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
    if (prefix === null) continue;
    const first = addressNumber(prefix.address);
    note(prefix.family, first);
    note(prefix.family, first + (1n << BigInt(addressBits[prefix.family] - prefix.length)) - 1n);
  }
  for (const text of ['8.8.8.8', '127.0.0.1', '255.255.255.255', '::1', '2001:db8:77::1']) {
    note(familyOf(ip(text)), addressNumber(ip(text)));
  }
  const ports = new Set<number>();
  for (const [, text] of texts.matchAll(/[":,\- ](\d{1,5})(?=[-"/,\] ])/g)) {
    for (const port of [Number(text) - 1, Number(text), Number(text) + 1])
      if (parsePort(port)) ports.add(port);
  }
  const addresses = (family: Family) =>
    [...numbers[family]].map((number) => addressFromNumber(family, number));
  return {
    addresses: { IPv4: addresses('IPv4'), IPv6: addresses('IPv6') },
    ports: [1, 65535, ...ports],
  };
}

/** A class as its text says it. */
function reader(packets: PacketClass): (packet: Packet) => boolean {
  const sources = addressReader(packets.sources);
  const destinations = addressReader(packets.destinations);
  const ports = portReader(packets.ports);
  const sourcePorts = portReader(packets.sourcePorts);
  return (packet) =>
    sources(packet.source) &&
    destinations(packet.destination) &&
    (packets.protocols === null || packets.protocols.some((one) => one === packet.protocol)) &&
    ports(packet.port) &&
    sourcePorts(packet.sourcePort ?? 0) &&
    (packets.interfaces === undefined ||
      packets.interfaces.some((text) => comesBy(text, packet.inputInterface)));
}

function addressReader(texts: readonly string[] | null): (address: IpAddress) => boolean {
  if (texts === null) return () => true;
  const prefixes = texts.flatMap((text) => parseLoosePrefix(text) ?? []);
  expect(prefixes.length).toBe(texts.length);
  const sets = FAMILIES.map((family) => prefixSet(family, prefixes));
  return (address) => sets.some((set) => setContains(set, address));
}

function portReader(texts: readonly string[] | null | undefined): (port: number) => boolean {
  if (texts == null) return () => true;
  const spans = texts.map((text) => text.split('-').map(Number));
  return (port) => spans.some(([first = 0, last = first]) => first <= port && port <= last);
}

function comesBy(text: string, name: string | undefined): boolean {
  return text.split(' ').every((part) => {
    const written = part.replace('!', '');
    const pattern = {
      name: written.replace('*', ''),
      isPrefix: written.endsWith('*'),
    };
    return (name !== undefined && matchesInterface(pattern, name)) !== part.startsWith('!');
  });
}

const INTERFACES = [undefined, undefined, 'cni0', 'cni', 'cni1', 'eth0', 'lo'];

/**
 * Half of the packets are near the edges of one class, and half are sent to a Service or a binding, many of these by one of
 * its endpoints.
 */
function* packetsAt(
  edges: Edges,
  changes: readonly ChangeJson[],
  dialled: readonly DialledPorts[],
  random: () => number,
): Generator<Packet> {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  const near = changes.slice(0, 200).map(({ class: packets }) => edgesOf(packets));
  for (let i = 0; i < PACKETS; i++) {
    const chosen = near.length > 0 && random() < 0.5 ? pick(near) : edges;
    const tuple = dialled.length > 0 && random() < 0.5 ? pick(dialled) : null;
    const likely = chosen.addresses.IPv4.length > 5 && random() < 0.7 ? 'IPv4' : 'IPv6';
    const family = tuple === null ? likely : familyOf(tuple.address);
    const from = random() < 0.3 ? edges : chosen;
    const to = random() < 0.2 ? edges : chosen;
    const inputInterface = pick(INTERFACES);
    const sourcePort = random() < 0.5 ? null : parsePort(pick(edges.ports));
    const last = tuple === null ? 0 : tuple.span.last - tuple.span.first;
    const own = tuple === null || random() < 0.5 ? [] : endpointsIn(tuple);
    const number =
      tuple === null
        ? pick(random() < 0.2 ? edges.ports : chosen.ports)
        : tuple.span.first + Math.floor(random() * (last + 1));
    const port = parsePort(number);
    if (port === null) continue;
    yield {
      source: own.length > 0 ? pick(own) : pick(from.addresses[family]),
      destination: tuple?.address ?? pick(to.addresses[family]),
      protocol: tuple?.protocol ?? pick<Protocol>(PROTOCOLS),
      port,
      ...(inputInterface === undefined ? {} : { inputInterface }),
      ...(sourcePort === null ? {} : { sourcePort }),
    };
  }
}

/** The endpoints that can be a source of packets to these ports. */
function endpointsIn({ address, entry }: DialledPorts): IpAddress[] {
  return [entry.before, entry.after]
    .flatMap((each) => (each === null ? [] : endpointsOf(each)))
    .flatMap((endpoint) => (familyOf(endpoint.address) === familyOf(address) ? [endpoint.address] : []));
}

function fate(planner: Planner, packet: Packet) {
  const { because: _, ...rest } = answerFlow(planner.plan, planner.heldNode, packet);
  return rest;
}

const seeded = fc.integer().map((seed) => {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
});

test('the fate of a packet differs if and only if a class holds it, and the class says how', () => {
  let packets = 0;
  const progress = progressOf('states before and after', RUNS, LONG !== '');
  fc.assert(
    fc.property(pair, seeded, (states, random) => {
      const changes = whatIf(states);
      const before = planned(states.node, states.before);
      const after = planned(states.nodeAfter, [...states.before, ...states.changes]);
      const nodes = [states.node, states.nodeAfter].map(({ localAddresses }) => localAddresses);
      const edges = edgesOf([canonicalPlan(before.plan), canonicalPlan(after.plan), nodes]);
      const classes = changes.map((change) => ({
        change,
        holds: reader(change.class),
      }));
      const dialled = [before.plan, after.plan].flatMap((plan) =>
        [...plan.entries()].filter(isDialled).map(portsOfEntry),
      );
      for (const packet of packetsAt(edges, changes, dialled, random)) {
        packets++;
        const was = fate(before, packet);
        const becomes = fate(after, packet);
        const holding = classes.flatMap(({ change, holds }) => (holds(packet) ? [change] : []));
        const expected =
          JSON.stringify(was) === JSON.stringify(becomes) ? [] : [{ before: was, after: becomes }];
        expect(
          holding.map((change) => ({
            before: change.before,
            after: change.after,
          })),
          JSON.stringify(packet),
        ).toEqual(expected);
      }
      progress(`, ${packets} packets`);
    }),
    { numRuns: RUNS },
  );
}, 3_600_000);

test('the other way round it is the mirror, and a change of nothing gives nothing', () => {
  const progress = progressOf('mirrors', RUNS, LONG !== '');
  fc.assert(
    fc.property(pair, (states) => {
      const changes = whatIf(states);
      const all = [...states.before, ...states.changes];
      const reverse = [
        ...new Map(states.changes.map((change) => [`${change.kind} ${change.key}`, change])).values(),
      ].map((change): FactChange => {
        const was = states.before.findLast(({ kind, key }) => kind === change.kind && key === change.key);
        return was ?? ({ ...change, fact: null } as FactChange);
      });
      const mirror = whatIf({
        node: states.nodeAfter,
        nodeAfter: states.node,
        before: all,
        changes: reverse,
      });
      const texts = (list: readonly ChangeJson[], [from, to]: ['before' | 'after', 'before' | 'after']) =>
        list.map((change) => JSON.stringify([change.class, change[from], change[to]])).sort();
      expect(texts(mirror, ['after', 'before'])).toEqual(texts(changes, ['before', 'after']));
      expect(whatIf({ ...states, nodeAfter: states.node, changes: [] })).toEqual([]);
      expect(
        whatIf({
          ...states,
          nodeAfter: structuredClone(states.node),
          changes: states.before,
        }),
      ).toEqual([]);
      progress('');
    }),
    { numRuns: RUNS },
  );
}, 3_600_000);
