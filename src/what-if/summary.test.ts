import { expect, test } from 'vitest';
import {
  absent,
  egressRuleFact,
  ip,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import { plainText } from '../explain/lines.ts';
import type { ChangeJson } from '../forms/what-if.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { joinedWhatIf, streamedWhatIf, type WhatIf, whatIfOn } from './answer.ts';
import { describeWhatIf } from './lines.ts';
import { whatIfMarkdown } from './markdown.ts';
import { planChange } from './planned.ts';
import { EVERYTHING, FOR_READERS, summaryOf } from './summary.ts';

function whatIf(
  before: readonly FactChange[],
  changes: readonly FactChange[],
  node: NodeFacts = nodeFacts(),
) {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(before);
  planner.update();
  return whatIfOn(planChange(planner, changes, node, () => null));
}

const SEE_ALL = '--all shows everything';

function linesOf(answer: WhatIf, limits = FOR_READERS): string[] {
  return describeWhatIf(summaryOf(answer, limits), SEE_ALL).map(plainText);
}

function changesOf(answer: WhatIf): readonly ChangeJson[] {
  return [...streamedWhatIf(answer).changes];
}

function markdownOf(answer: WhatIf, limits = FOR_READERS): string {
  return whatIfMarkdown(summaryOf(answer, limits), SEE_ALL);
}

function lines(...states: Parameters<typeof whatIf>): string[] {
  return linesOf(whatIf(...states));
}

const web = [present('Service', service()), present('EndpointSlice', slice(['10.244.1.1', '10.244.2.1']))];

test('one more endpoint: what stays the same is not repeated', () => {
  const more = present('EndpointSlice', slice(['10.244.1.1', '10.244.2.1', '10.244.2.2']));
  expect(lines(web, [more])).toEqual([
    'Service shop/web',
    '  from all except 10.244.2.2',
    '  to 10.96.0.10, TCP port 80',
    '    before  to the same 2 endpoints',
    '    after   to the same 2 endpoints and 10.244.2.2:8080',
    '  from 10.244.2.2',
    '  to 10.96.0.10, TCP port 80',
    '    before  to 10.244.1.1:8080, 10.244.2.1:8080, the source stays',
    '    after   to 10.244.1.1:8080, 10.244.2.1:8080, 10.244.2.2:8080, the source',
    '            depends on the endpoint',
    '',
    'Not in these lines',
    '  - which address of the node the source becomes: that of the outgoing interface',
    '  - whether such a connection exists: it would keep its first translation',
    '  - routing, and rules of other programs (a FORWARD chain that drops), may',
    '    change the outcome',
  ]);
});

test('a Service that goes away: its port is dropped, and so are others of its address', () => {
  expect(lines(web, [absent('Service', 'shop/web')]).slice(0, 10)).toEqual([
    'Service shop/web',
    '  from all',
    '  to 10.96.0.10, TCP ports 1-79, 81-65535',
    '    before  refused',
    '    after   dropped',
    '  from all except 10.244.0.0/16',
    '  to 10.96.0.10, TCP port 80',
    '    before  to 10.244.1.1:8080, 10.244.2.1:8080, the source becomes an address',
    '            of the node',
    '    after   dropped',
  ]);
});

test('nothing changes, and a setting that changes no fate is told beside', () => {
  const sticky = present('Service', service({ affinityTimeoutSeconds: 10 }));
  expect(lines(web, [sticky])).toEqual([
    'Nothing changes: every packet has the same fate as before, on node node-a.',
    '',
    'Not in these lines',
    '  - Service shop/web, 10.96.0.10:80/TCP: session affinity: before none, after 10',
    '    s',
  ]);
});

const bound = (name: string, address: string, createdAt: number, portCount = 1) =>
  present(
    'Pod',
    pod([natEntry({ portCount, sourceIP: ip('203.0.113.7'), interfaceAuto: false })], {
      name,
      ips: [ip(address)],
      createdAt,
    }),
  );

test('several new Services: what becomes of other ports of their ClusterIPs is told under each of them', () => {
  const services = ['10.96.0.50', '10.96.0.51'].map((address, index) =>
    present('Service', service({ name: `s${index}`, clusterIPs: [ip(address)] })),
  );
  const answer = whatIf([], services);
  for (const [index, name] of ['s0', 's1'].entries()) {
    const [told] = summaryOf(answer, FOR_READERS).objects.slice(index);
    expect(told?.object).toBe(`Service shop/${name}`);
    expect(new Set(told?.lines.map(({ to }) => to))).toEqual(new Set([`10.96.0.5${index}`]));
    expect(new Set(told?.lines.map(({ ports }) => ports))).toEqual(new Set(['all protocols and ports']));
    for (const { because } of told?.lines ?? []) expect(because.after).toContain(`Service shop/${name}`);
  }
});

test('what a reader cannot take is counted, and named how to see it', () => {
  const services = Array.from({ length: 60 }, (_, index) =>
    present('Service', service({ name: `s${index}`, clusterIPs: [ip(`10.96.1.${index}`)] })),
  );
  const answer = whatIf([], services);
  const text = linesOf(answer);
  expect(text.filter((line) => line.startsWith('Service '))).toHaveLength(50);
  expect(text).toContain(`and 10 more objects: ${SEE_ALL}`);
  expect(markdownOf(answer)).toContain('and 10 more objects: --all shows everything');
  expect(linesOf(answer, EVERYTHING).filter((line) => line.startsWith('Service '))).toHaveLength(60);
});

test('each line has one of its packets as an example', () => {
  const [told] = summaryOf(whatIf(web, [absent('Service', 'shop/web')]), FOR_READERS).objects;
  expect(told?.lines.map(({ example }) => example)).toEqual([
    { from: '198.51.100.1', to: '10.96.0.10:443', proto: 'tcp' },
    { from: '198.51.100.1', to: '10.96.0.10:80', proto: 'tcp' },
    { from: '10.244.0.1', to: '10.96.0.10:80', proto: 'tcp' },
    { from: '10.244.1.1', to: '10.96.0.10:80', proto: 'tcp' },
    { from: '198.51.100.1', to: '10.96.0.10:443', proto: 'udp' },
  ]);
});

test('a claim that another Pod wins: winner and loser before and after', () => {
  const text = lines([bound('old', '10.244.1.5', 1000)], [bound('new', '10.244.1.6', 2000)]);
  expect(text.slice(text.indexOf('Claims'), text.indexOf('Claims') + 5)).toEqual([
    'Claims',
    '  203.0.113.7:25/TCP',
    '    before  at most one object wants it',
    '    after   Pod mail/new has it, Pod mail/old not: of several Pods the one',
    '            created last has it',
  ]);
  expect(text).toContain('    before  to 10.244.1.5:25, the source stays');
  expect(text).toContain('    after   to 10.244.1.6:25, the source stays');
});

test('a binding of several ports: one line for people, a class for each port in JSON', () => {
  const answer = whatIf([], [bound('range', '10.244.1.5', 1000, 3)]);
  expect(linesOf(answer)).toContain('    after   to 10.244.1.5:25-27, the source stays');
  const dialled = changesOf(answer).filter(({ after }) => after.verdict === 'dnat');
  const pairs = dialled.map((change) => `${change.class.ports} ${change.after.endpoints}`);
  expect([...new Set(pairs)]).toEqual(['25 10.244.1.5:25', '26 10.244.1.5:26', '27 10.244.1.5:27']);
});

test('a range of ports that goes away changes nothing for packets that a rule drops in any case', () => {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply([
    present('IPPool', pool('pods', '10.9.0.0/16', { natOutgoing: true, loadBalancerOnly: true })),
    present(
      'EgressRule',
      egressRuleFact({ action: 'Snat', addresses: [ip('203.0.113.8')], fallback: 'drop' }),
    ),
    bound('range', '10.9.1.5', 1000, 3),
  ]);
  planner.update();
  const change = planChange(planner, [], nodeFacts({ localAddresses: [] }), () => null);
  const changes = changesOf(whatIfOn(change));
  expect(changes.filter(({ before, after }) => JSON.stringify(before) === JSON.stringify(after))).toEqual([]);
  expect(changes.map(({ before }) => before.verdict)).toContain('dnat');
});

test('a pool is the object where only the source changes, and destinations are told by what is left out', () => {
  const before = [...web, present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }))];
  expect(lines(before, [present('IPPool', pool('pods', '10.244.0.0/16'))]).slice(0, 6)).toEqual([
    'IPPool pods',
    '  from 10.244.0.0/16',
    '  to all except 10.96.0.0/16, 10.244.0.0/16, 127.0.0.0/8, 192.0.2.10,',
    '  203.0.113.7, all protocols and ports',
    '    before  the source becomes an address of the node',
    '    after   the source stays',
  ]);
});

test('pods that are told by their interface: the class names it', () => {
  const node = nodeFacts({ podCIDRs: [], podInterface: { name: 'cali', isPrefix: true } });
  const changes = changesOf(whatIf([], web, node));
  const dialled = changes.filter(({ after }) => after.verdict === 'dnat');
  expect(new Set(dialled.map((change) => change.class.interfaces?.join()))).toEqual(
    new Set(['cali*', '!cali*', undefined]),
  );
});

test('classes that are the same on every node have no node', () => {
  const node = (nodeName: string) => nodeFacts({ nodeName });
  const each = ['node-a', 'node-b'].map((name) => whatIf([], web, node(name)));
  const alone = changesOf(each[0] as (typeof each)[0]);
  const both = changesOf(joinedWhatIf(each));
  expect(alone.map((change) => change.class.node)).toEqual(alone.map(() => 'node-a'));
  expect(both.map((change) => change.class.node)).toEqual(alone.map(() => null));
  expect(linesOf(joinedWhatIf(each)).join('\n')).not.toContain('(on ');
});

test('Markdown: foreign text is no markup, no HTML and no mention', () => {
  const rule = egressRuleFact({
    name: 'a|b',
    reason: '<img src=x> @team `x` [l](http://x)\n# h',
    pools: ['pods'],
    action: 'Masquerade',
  });
  const answer = whatIf([present('IPPool', pool('pods', '10.244.0.0/16'))], [present('EgressRule', rule)]);
  const text = markdownOf({
    ...answer,
    unknown: [{ about: 'x', reason: rule.reason }],
    expectations: [
      {
        name: '**b** <b>',
        origin: 'f:1',
        node: 'n',
        before: 'met',
        after: 'not-met',
        breaks: true,
        reason: '_x_',
      },
    ],
  });
  expect(text).toContain('#### EgressRule a\\|b\n');
  expect(text).toContain('- &lt;img src=x&gt; &#64;team \\`x\\` \\[l\\](http://x) &#35; h');
  expect(text).toContain('**1 of 1 expectations break:**\n\n- \\*\\*b\\*\\* &lt;b&gt; (f:1): \\_x\\_');
});

test('long lists are cut for people and whole in JSON', () => {
  const many = Array.from({ length: 20 }, (_, index) => `10.244.${index + 1}.1`);
  const ports = Array.from({ length: 12 }, (_, index) => servicePort(2 * index + 1, { name: `p${index}` }));
  const changes = [
    present('Service', service({ ports })),
    present(
      'EndpointSlice',
      slice(many, {
        ports: ports.map(({ name }) => ({ name, protocol: 'TCP' as const, port: portOf(8080) })),
      }),
    ),
  ];
  const answer = whatIf([], changes);
  const told = linesOf(answer);
  expect(told.every((line) => line.length <= 80)).toBe(true);
  expect(told.join('\n')).toMatch(/and 14 more/);
  const dialled = changesOf(answer).filter(({ after }) => after.verdict === 'dnat');
  expect(new Set(dialled.flatMap((change) => change.class.ports ?? [])).size).toBe(12);
  expect(new Set(dialled.map(({ after }) => after.endpoints.length))).toEqual(new Set([20]));
});
