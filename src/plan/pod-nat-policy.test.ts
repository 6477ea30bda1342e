import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidr, hostListener, ip, natEntry, nodeFacts, pod, portOf } from '../../test/generators/build.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { defaultPlanOptions, defaultPodNatPolicy } from './options.ts';
import { Planner } from './planner.ts';
import type { PodNatPolicy } from './pod-nat-policy.ts';

interface Given {
  readonly policy?: Partial<PodNatPolicy>;
  readonly pods?: readonly PodFact[];
  /** Labels of Namespaces by name. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly node?: NodeFacts;
}

function plannerOf({ policy = {}, node = nodeFacts() }: Given): Planner {
  const podNatPolicy = { ...defaultPodNatPolicy, ...policy };
  return new Planner(node, { ...defaultPlanOptions, podNatPolicy });
}

function say(planner: Planner, { pods = [], namespaces = {} }: Given): void {
  planner.apply(pods.map((fact) => ({ kind: 'Pod', key: `${fact.namespace}/${fact.name}`, fact })));
  planner.apply(
    Object.entries(namespaces).map(([name, labels]) => ({
      kind: 'Namespace',
      key: name,
      fact: { name, labels },
    })),
  );
}

/** Keys of bindings and sources, and what the notices say, both sorted. */
function outcome(planner: Planner) {
  const plan = planner.update();
  return {
    nat: [...plan.entries()]
      .filter(({ kind }) => kind === 'PodBinding' || kind === 'PodSource')
      .map(({ key }) => key)
      .sort(),
    notices: [...plan.notices()]
      .map(({ code, object, message }) => `${object.name} ${code}: ${message}`)
      .sort(),
  };
}

function planned(given: Given) {
  const planner = plannerOf(given);
  say(planner, given);
  return outcome(planner);
}

const BOUND = '203.0.113.7:25/TCP';
const SOURCE = 'from 10.244.1.5/TCP';
const wants = (entry: Partial<PodNatEntry> = {}, rest: Partial<PodFact> = {}) => pod([natEntry(entry)], rest);
const at = (port: number, more: Partial<PodNatEntry> = {}) => wants({ sourcePort: portOf(port), ...more });

describe('namespaces', () => {
  const { namespace } = wants();
  const labelled = { matchLabels: { 'knat.dev/pod-nat': 'allowed' }, matchExpressions: [] };
  test.each<[string, Partial<PodNatPolicy>, Given['namespaces'], boolean]>([
    ['nothing is said: all', {}, {}, true],
    ['named', { namespaces: ['other', namespace] }, {}, true],
    ['by the beginning of its name', { namespaces: [`${namespace.slice(0, 2)}*`] }, {}, true],
    ['any', { namespaces: ['*'] }, {}, true],
    ['not named', { namespaces: ['other', `${namespace}-x`, `x${namespace}*`] }, {}, false],
    ['none is named', { namespaces: [] }, {}, false],
    ['by labels', { namespaceSelector: labelled }, { [namespace]: labelled.matchLabels }, true],
    ['other labels', { namespaceSelector: labelled }, { [namespace]: { 'knat.dev/pod-nat': 'no' } }, false],
    ['labels that are not known', { namespaceSelector: labelled }, {}, false],
    ['named, whatever its labels', { namespaces: [namespace], namespaceSelector: labelled }, {}, true],
  ])('%s', (_, policy, namespaces, isAllowed) => {
    const { nat, notices } = planned({ policy, pods: [wants()], ...(namespaces && { namespaces }) });
    expect(nat).toEqual(isAllowed ? [BOUND, SOURCE] : []);
    expect(notices).toEqual(
      isAllowed
        ? []
        : [
            expect.stringMatching(
              /NatRestricted: Pods of namespace \S+ may not use Pod NAT: an administrator/,
            ),
          ],
    );
  });

  test('labels that change are followed', () => {
    const given: Given = { policy: { namespaceSelector: labelled }, pods: [wants()] };
    const planner = plannerOf(given);
    say(planner, given);
    expect(outcome(planner).nat).toEqual([]);
    say(planner, { namespaces: { [namespace]: labelled.matchLabels } });
    expect(outcome(planner).nat).toEqual([BOUND, SOURCE]);
    say(planner, { namespaces: { [namespace]: {} } });
    expect(outcome(planner).nat).toEqual([]);
  });
});

describe('ports', () => {
  test.each([
    22, 179, 2379, 2380, 6443, 8484, 9099, 9100, 10249, 10250, 10255, 10256, 10257, 10258, 10259, 10266,
    30000, 32767,
  ])('%i is reserved, and can be allowed', (port) => {
    const pods = [at(port)];
    const refused = planned({ pods });
    expect(refused.nat).toEqual([]);
    expect(refused.notices).toEqual([
      expect.stringMatching(
        /NatRestricted: entry 0: srcPort \d+ is reserved for .*--pod-nat-unreserved-ports/,
      ),
    ]);
    const policy = { unreserved: [{ first: port, last: port }] };
    expect(planned({ policy, pods }).nat).toContain(`203.0.113.7:${port}/TCP`);
  });

  test.each([4789, 8472, 6081])('%i is reserved for UDP', (port) => {
    expect(planned({ pods: [at(port, { protocol: 'UDP' })] }).nat).toEqual([]);
    expect(planned({ pods: [at(port)] }).nat).toContain(`203.0.113.7:${port}/TCP`);
  });

  test.each([
    [25, 80, true],
    [9090, 20, false],
    [9101, 100, true],
    [29_999, 2, false],
  ])('a range from %i of %i ports', (first, portCount, isAllowed) => {
    const { nat } = planned({
      pods: [at(first, { portCount })],
      policy: {
        unreserved: [{ first: 53, last: 60 }],
        reserved: defaultPodNatPolicy.reserved.filter((each) => each.first !== 22),
      },
    });
    expect(nat.length > 0).toBe(isAllowed);
  });

  test('a range of which not all reserved ports are allowed', () => {
    const pods = [at(10_249, { portCount: 2 })];
    expect(planned({ pods, policy: { unreserved: [{ first: 10_249, last: 10_249 }] } }).nat).toEqual([]);
    const both = [
      { first: 10_250, last: 10_250 },
      { first: 10_000, last: 10_249 },
    ];
    expect(planned({ pods, policy: { unreserved: both } }).nat).not.toEqual([]);
  });

  test.each<[string, readonly (readonly [number, number])[], boolean]>([
    ['the port', [[25, 25]], true],
    ['a range around it', [[20, 30]], true],
    ['another', [[26, 30]], false],
    ['none', [], false],
  ])('only some are allowed: %s', (_, spans, isAllowed) => {
    const ports = spans.map(([first, last]) => ({ first, last }));
    const { nat, notices } = planned({ policy: { ports }, pods: [wants()] });
    expect(nat.length > 0).toBe(isAllowed);
    expect(notices.join().includes('--pod-nat-ports')).toBe(!isAllowed);
  });

  test('an entry that is refused takes no other with it', () => {
    const two = pod([natEntry({ sourcePort: portOf(9100) }), natEntry({})]);
    expect(planned({ pods: [two] }).nat).toEqual([BOUND, SOURCE]);
  });
});

test('addresses: those that are allowed alone', () => {
  const pods = [wants()];
  const allowed = planned({ policy: { addresses: [cidr('203.0.113.0/24')] }, pods });
  expect(allowed.nat).toEqual([BOUND, SOURCE]);
  const { nat, notices } = planned({ policy: { addresses: [cidr('192.0.2.0/24')] }, pods });
  expect(nat).toEqual([]);
  expect(notices).toEqual([
    expect.stringMatching(/NatRestricted: entry 0: 203\.0\.113\.7 may not be bound: .*--pod-nat-addresses/),
  ]);
  const manual = [wants({ interfaceAuto: false, sourceIP: ip('203.0.113.7') })];
  expect(planned({ policy: { addresses: [] }, pods: manual }).nat).toEqual([]);
});

test('takeover counts only where it is allowed', () => {
  const node = nodeFacts({ listeners: [hostListener(25)] });
  const pods = [wants({ takeover: true })];
  const refused = planned({ node, pods });
  expect(refused.nat).toEqual([SOURCE]);
  expect(refused.notices).toEqual([
    expect.stringMatching(/NatHostPortInUse: .*"takeover" does not count here: .*--pod-nat-takeover/),
  ]);
  expect(planned({ node, pods, policy: { takeover: true } }).nat).toEqual([BOUND, SOURCE]);
});

describe('how many', () => {
  const ports = (name: string, createdAt: number, ...counts: readonly number[]) =>
    pod(
      counts.map((portCount, index) =>
        natEntry({ sourcePort: portOf(1000 + createdAt * 100 + index * 30), portCount, egress: false }),
      ),
      { name, uid: name, createdAt, ips: [ip(`10.244.1.${createdAt + 5}`)] },
    );
  /** Names of pods and indexes of entries that are beyond a limit. */
  const beyond = (given: Given) =>
    planned(given).notices.map((text) => /^(\S+) NatRestricted: entry (\d+)/.exec(text)?.slice(1).join(' '));

  test('of one pod: entries beyond it are left out', () => {
    const pods = [ports('a', 0, 10, 3, 2), ports('b', 1, 5)];
    expect(beyond({ policy: { maxPortsPerPod: 12 }, pods })).toEqual(['a 1']);
    expect(beyond({ policy: { maxPortsPerPod: 0 }, pods })).toEqual(['a 0', 'a 1', 'a 2', 'b 0']);
  });

  test('of a namespace: the older pods have them', () => {
    const pods = [ports('young', 2, 5), ports('old', 0, 5), ports('middle', 1, 4)];
    expect(beyond({ policy: { maxPortsPerNamespace: 10 }, pods })).toEqual(['young 0']);
  });

  test('another namespace has its own, and one without permission has none', () => {
    const other = { ...ports('other', 3, 10), namespace: 'other' };
    const gone = { ...ports('gone', 0, 10), terminating: true };
    const host = { ...ports('host', 0, 10), hostNetwork: true };
    const away = { ...ports('away', 0, 10), nodeName: 'node-b' };
    const pods = [other, gone, away, ports('here', 4, 10)];
    expect(beyond({ policy: { maxPortsPerNamespace: 10 }, pods })).toEqual([]);
    expect(planned({ policy: { maxPortsPerNamespace: 10 }, pods: [host, ...pods] }).notices).toHaveLength(1);
  });

  test('any order of changes gives the same as from scratch', () => {
    const one = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      createdAt: fc.nat({ max: 3 }),
      counts: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }),
      isGone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (changes) => {
        const given = { policy: { maxPortsPerNamespace: 10, maxPortsPerPod: 8 } };
        const planner = plannerOf(given);
        const now = new Map<string, PodFact>();
        for (const { name, createdAt, counts, isGone } of changes) {
          const fact = isGone ? null : ports(name, createdAt, ...counts);
          const before = [...now.values()].find((each) => each.name === name);
          const key = `${before?.namespace ?? fact?.namespace}/${name}`;
          if (fact === null) now.delete(key);
          else now.set(key, fact);
          planner.apply([{ kind: 'Pod', key, fact }]);
          planner.update();
        }
        expect(outcome(planner)).toEqual(planned({ ...given, pods: [...now.values()] }));
      }),
    );
  });
});
