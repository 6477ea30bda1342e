import { expect, test } from 'vitest';
import type { IpAddress } from '../net/address.ts';
import { ChainWalker } from './chains.ts';
import type { Course } from './course.ts';
import { throughHook } from './hooks.ts';
import type { Host } from './host.ts';
import { Budget, MOST_COURSES, MOST_RULES } from './limits.ts';
import type { PassingPacket } from './packet.ts';
import type { BaseChain, Effect, Part, Rule, Ruleset } from './rule.ts';

const nodeIP = '192.0.2.10' as IpAddress;
const host: Host = {
  route: () => ({ kind: 'local' }),
  masqueradeAddress: () => nodeIP,
  redirectAddress: () => nodeIP,
};
const start: PassingPacket = {
  family: 'IPv4',
  protocol: 'TCP',
  source: '10.244.1.5' as IpAddress,
  sourcePort: 40000,
  destination: '198.51.100.9' as IpAddress,
  port: 80,
  isLocal: false,
  input: { name: 'cni0', index: 2 },
  output: { name: 'eth0', index: 3 },
  mark: { value: 0, known: 0xffff_ffff },
  connectionMark: { value: 0, known: 0xffff_ffff },
  tracking: 'tracked',
  original: {
    source: '10.244.1.5' as IpAddress,
    sourcePort: 40000,
    destination: '198.51.100.9' as IpAddress,
    port: 80,
  },
  isDecided: { destination: false, source: false },
};

const base = (name: string, rest: Partial<BaseChain> = {}): BaseChain => ({
  table: 'table ip t',
  name,
  type: 'filter',
  hook: 'forward',
  priority: 0,
  policyDrops: false,
  age: 1,
  ...rest,
});

const rule = (chain: string, text: string, ...parts: (Effect | boolean | string)[]): Rule => ({
  table: 'table ip t',
  chain,
  text,
  parts: parts.map((part): Part => {
    if (typeof part === 'object') return { kind: 'do', effect: () => part };
    return { kind: 'if', holds: () => part };
  }),
});

function rulesetOf(bases: readonly BaseChain[], rules: readonly Rule[]): Ruleset {
  return {
    bases,
    besideHooks: () => [],
    rules: async (_base, chain) => rules.filter((one) => one.chain === chain),
  };
}

async function through(hook: BaseChain['hook'], bases: readonly BaseChain[], rules: readonly Rule[]) {
  const budget = new Budget(async () => {});
  const walker = new ChainWalker(rulesetOf(bases, rules), host, budget);
  const course: Course = { packet: start, assumed: [], met: [], own: null };
  const { on, ended } = await throughHook(hook, [course], walker, bases, []);
  return {
    on: on.map(({ packet, assumed }) => ({
      source: packet.source,
      assumed: assumed.map((one) => one.dependsOn),
    })),
    ended: ended.map(({ verdict, by, course: { assumed } }) => ({
      verdict,
      by: by?.text ?? null,
      assumed: assumed.map((one) => one.dependsOn),
    })),
    told: [...budget.told],
  };
}

const untouched = { source: start.source, assumed: [] };
const drop: Effect = { kind: 'drop' };
const accept: Effect = { kind: 'accept' };

test('a jump returns to the rule behind it, a goto to the end of the chain that it left', async () => {
  const chain = base('fwd', { policyDrops: true });
  const returning = [rule('inner', 'return', { kind: 'return' }), rule('inner', 'drop', drop)];
  const jumps = [rule('fwd', 'jump', { kind: 'jump', chain: 'inner' }), rule('fwd', 'accept', accept)];
  expect(await through('forward', [chain], [...jumps, ...returning])).toMatchObject({
    on: [untouched],
    ended: [],
  });
  const goes = [rule('fwd', 'goto', { kind: 'goto', chain: 'inner' }), rule('fwd', 'accept', accept)];
  expect(await through('forward', [chain], [...goes, ...returning])).toMatchObject({
    on: [],
    ended: [{ verdict: 'drop', by: 'policy drop' }],
  });
});

test('an accept ends its base chain, not the next one', async () => {
  const bases = [base('second', { priority: 10 }), base('first')];
  const rules = [rule('first', 'accept', accept), rule('second', 'drop', drop)];
  expect(await through('forward', bases, rules)).toMatchObject({
    on: [],
    ended: [{ verdict: 'drop', by: 'drop' }],
  });
});

test('an undecided rule divides the way, and is named', async () => {
  const rules = [rule('fwd', 'limit drop', 'a rate limit', drop)];
  expect(await through('forward', [base('fwd')], rules)).toEqual({
    on: [untouched],
    ended: [{ verdict: 'drop', by: 'limit drop', assumed: ['a rate limit'] }],
    told: [],
  });
});

test('what leads to the same end is joined', async () => {
  const rules = [
    rule('fwd', 'limit jump', 'a rate limit', { kind: 'jump', chain: 'log' }),
    rule('fwd', 'chance accept', 'chance', accept),
  ];
  expect(await through('forward', [base('fwd')], rules)).toEqual({ on: [untouched], ended: [], told: [] });
});

test('nat chains: the first that translates is the last, whatever its priority to filters', async () => {
  const nat = (name: string, priority: number) => base(name, { type: 'nat', hook: 'postrouting', priority });
  const bases = [nat('late', 110), nat('early', -200), base('filter', { hook: 'postrouting', priority: 99 })];
  const rules = [
    rule('early', 'masquerade', { kind: 'masquerade', ports: null }),
    rule('late', 'snat', { kind: 'snat', address: '203.0.113.7' as IpAddress, ports: null }),
    rule('filter', 'accept', accept),
  ];
  expect(await through('postrouting', bases, rules)).toMatchObject({ on: [{ source: nodeIP, assumed: [] }] });
});

test('nat chains of one priority that would do different things: it depends on their order', async () => {
  const nat = (name: string, age: number) =>
    base(name, { type: 'nat', hook: 'postrouting', priority: 100, age });
  const bases = [nat('older', 1), nat('newer', 2)];
  const rules = [
    rule('older', 'masquerade', { kind: 'masquerade', ports: null }),
    rule('newer', 'snat', { kind: 'snat', address: '203.0.113.7' as IpAddress, ports: null }),
  ];
  const { on } = await through('postrouting', bases, rules);
  expect(on.map(({ source, assumed }) => [source, assumed.length])).toEqual([
    ['203.0.113.7', 0],
    [nodeIP, 1],
  ]);
});

test('untracked packets meet no nat chain', async () => {
  const bases = [
    base('raw', { hook: 'prerouting', priority: -300 }),
    base('dst', { hook: 'prerouting', priority: -100, type: 'nat' }),
  ];
  const rules = [
    rule('raw', 'notrack', { kind: 'notrack' }),
    rule('dst', 'dnat', { kind: 'dnat', address: nodeIP, ports: null }),
  ];
  const walker = new ChainWalker(rulesetOf(bases, rules), host, new Budget(async () => {}));
  const course: Course = { packet: { ...start, tracking: 'before' }, assumed: [], met: [], own: null };
  const { on } = await throughHook('prerouting', [course], walker, bases, []);
  expect(on.map(({ packet }) => packet.destination)).toEqual([start.destination]);
});

test('chains that jump in a circle, too many rules and too many branches end, and are told', async () => {
  const circle = [rule('fwd', 'jump', { kind: 'jump', chain: 'fwd' })];
  expect((await through('forward', [base('fwd')], circle)).told).toEqual([
    'chain fwd of table ip t is too large to be examined',
  ]);
  const many = Array.from({ length: MOST_RULES + 1 }, () => rule('fwd', 'no', false, drop));
  const { ended, told } = await through('forward', [base('fwd')], many);
  expect(ended).toMatchObject([{ verdict: 'unknown' }]);
  expect(told.join()).toContain(`more than ${MOST_RULES} rules`);
  const marks = Array.from({ length: 20 }, (_, bit) =>
    rule('fwd', `mark ${bit}`, 'chance', {
      kind: 'mark',
      clear: 0,
      toggle: { value: (1 << bit) >>> 0, known: 0xffff_ffff },
    }),
  );
  expect((await through('forward', [base('fwd')], marks)).told.join()).toContain(
    `more than ${MOST_COURSES} branches`,
  );
});
