import { describe, expect, test } from 'vitest';
import {
  absent,
  cidr,
  egressRuleFact,
  endpoint,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import type { EgressRuleFact } from '../model/egress-rule.ts';
import type { FactChange } from '../model/facts.ts';
import { formatRef } from '../model/object.ts';
import { parseAddress } from '../net/address.ts';
import { protocolNumber } from '../net/protocol.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import type { TrackedFlow } from '../wire/conntrack/entry.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import { FormerPlans } from './former-plans.ts';
import { FlowJudge, type Judgement } from './judge.ts';

const CLIENT = '198.51.100.9';
const POD = '10.244.1.5';
const OTHER_POD = '10.244.1.6';
const NODE = '192.0.2.10';
const PUBLIC = '203.0.113.7';
const PLACE = '198.51.100.80';

/** `from → to`, and what NAT made of them: `via` the source, `at` the destination; `address` or `address:port`. */
function flow(
  from: string,
  to: string,
  { via = from, at = to, protocol = 'TCP' as number | 'TCP' | 'UDP' } = {},
): TrackedFlow {
  const end = (text: string, port: number) => {
    const [address = '', number = String(port)] = text.split(':');
    if (parseAddress(address) === null) throw new TypeError(text);
    return { address: ip(address), port: Number(number) };
  };
  const [source, destination] = [end(from, 40_000), end(to, 443)];
  const [outside, endpoint] = [end(via, source.port), end(at, destination.port)];
  return {
    family: 'IPv4',
    protocol: typeof protocol === 'number' ? protocol : protocolNumber[protocol],
    status: (via === from ? 0 : conntrackStatus.IPS_SRC_NAT) | (at === to ? 0 : conntrackStatus.IPS_DST_NAT),
    original: { src: source.address, sport: source.port, dst: destination.address, dport: destination.port },
    reply: { src: endpoint.address, sport: endpoint.port, dst: outside.address, dport: outside.port },
  };
}

const node = nodeFacts({
  localAddresses: [
    localAddress(NODE),
    localAddress(PUBLIC, { onDefaultRoute: true }),
    localAddress('203.0.113.8'),
  ],
});

/** Judges by the plan that the changes make, step by step. */
function judged(one: TrackedFlow, ...steps: readonly FactChange[][]): Judgement {
  const planner = new Planner(node, defaultPlanOptions);
  const former = new FormerPlans();
  let revision: number | null = null;
  for (const changes of steps) {
    planner.apply(changes);
    const plan = planner.update();
    former.record(plan, revision === null ? null : plan.changedSince(revision));
    revision = plan.revision;
  }
  const { plan } = planner;
  return new FlowJudge({ plan, former: former.before(plan), node }).judge(one);
}

/** `service Service shop/web 10.96.0.10:80/TCP; egress IPPool pods; stale: …`. */
function inShort({ destination, source, stale }: Judgement): string {
  const object = (nat: { object: Parameters<typeof formatRef>[0] | null }) =>
    nat.object === null ? '' : ` ${formatRef(nat.object)}`;
  return [
    destination === null ? [] : `${destination.kind}${object(destination)} ${destination.frontend}`,
    source === null ? [] : `from ${source.kind}${object(source)}`,
    stale === null ? [] : `stale: ${stale}`,
  ]
    .flat()
    .join('; ');
}

const natPool = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));
const plainPool = present('IPPool', pool('pods', '10.244.0.0/16'));
const noPool = absent('IPPool', 'pods');
const exempt = present('IPPool', pool('partner', '198.51.100.0/24', { disabled: true }));
const web = [
  present('Service', service()),
  present('EndpointSlice', slice([endpoint('10.244.1.5'), endpoint('10.244.2.6')])),
];
const mail = present('Pod', pod([natEntry()]));
const mailMoved = present('Pod', pod([natEntry()], { ips: [ip(OTHER_POD)] }));
const mailElsewhere = present('Pod', pod([natEntry({ interfaceAuto: false, sourceIP: ip('203.0.113.8') })]));
const mailForFriends = present('Pod', pod([natEntry({ allow: [cidr('192.0.2.0/24')] })]));
const noMail = absent('Pod', 'mail/smtp');

const rule = (rest: Partial<EgressRuleFact>) =>
  present('EgressRule', egressRuleFact({ name: 'shop', priority: 1, ...rest }));
const ruled = rule({ action: 'Snat', addresses: [ip('203.0.113.8')] });
const keeping = rule({ name: 'keep', to: [{ cidr: cidr('192.0.2.0/24'), protocol: null, ports: null }] });
const dropping = rule({ action: 'Snat', addresses: [ip('203.0.113.99')], fallback: 'drop' });
const droppingElsewhere = rule({
  action: 'Snat',
  addresses: [ip('203.0.113.99')],
  fallback: 'drop',
  to: [{ cidr: cidr('192.0.2.0/24'), protocol: null, ports: null }],
});
const ofShop = rule({
  action: 'Snat',
  addresses: [ip('203.0.113.8')],
  fallback: 'drop',
  namespaceSelector: { matchLabels: {}, matchExpressions: [] },
});
const noRule = absent('EgressRule', 'shop');
const byRule = flow(POD, PLACE, { via: '203.0.113.8' });

const unbound = flow(POD, PLACE, { via: PUBLIC });
const dialled = flow(CLIENT, `${PUBLIC}:25`, { at: `${POD}:25` });
const masqueraded = flow(POD, PLACE, { via: NODE });
const plain = flow(POD, PLACE);

describe('which part of the plan translated', () => {
  test.each<[string, TrackedFlow, FactChange[][], string]>([
    ['nothing', plain, [[]], ''],
    ['a pool', masqueraded, [[natPool]], 'from egress IPPool pods'],
    [
      'a Service',
      flow('10.244.9.9', '10.96.0.10:80', { at: '10.244.2.6:8080' }),
      [web],
      'service Service shop/web 10.96.0.10:80/TCP',
    ],
    [
      'a Service that masquerades a hairpin',
      flow(POD, '10.96.0.10:80', { at: `${POD}:8080`, via: NODE }),
      [[...web, natPool]],
      'service Service shop/web 10.96.0.10:80/TCP; from service Service shop/web',
    ],
    ['a binding', dialled, [[mail]], `pod Pod mail/smtp ${PUBLIC}:25/TCP`],
    ['a rule', byRule, [[natPool, ruled]], 'from egress EgressRule shop'],
    ['a pool, beside a rule for elsewhere', masqueraded, [[natPool, keeping]], 'from egress IPPool pods'],
    ['the address of a binding', unbound, [[mail, natPool]], 'from pod Pod mail/smtp'],
    [
      'another program',
      flow(CLIENT, `${NODE}:8080`, { at: '172.17.0.2:80' }),
      [web],
      `other ${NODE}:8080/TCP`,
    ],
    ['another program, the source', masqueraded, [[plainPool]], 'from other'],
    [
      'a pool, of a protocol without ports',
      flow(POD, PLACE, { via: NODE, protocol: 1 }),
      [[natPool]],
      'from egress',
    ],
    ['the kernel, the port alone', flow(POD, PLACE, { via: `${POD}:1234` }), [[plainPool]], ''],
  ])('%s', (_, one, steps, expected) => {
    expect(inShort(judged(one, ...steps))).toBe(expected);
  });
});

describe('stale flows', () => {
  test.each<[string, TrackedFlow, FactChange[][], string]>([
    [
      'untranslated, and now a pool would masquerade',
      plain,
      [[plainPool], [natPool]],
      "stale: it would leave with the node's address (IPPool pods) now",
    ],
    [
      'masqueraded by a pool that is gone',
      masqueraded,
      [[natPool], [noPool]],
      'from egress IPPool pods; stale: its source would stay as it is now',
    ],
    [
      'masqueraded, and the destination is exempt now',
      masqueraded,
      [[natPool], [exempt]],
      'from egress IPPool pods; stale: its source would stay as it is now',
    ],
    [
      'masqueraded by a pool that is gone, some changes ago',
      masqueraded,
      [[natPool], [noPool], [mail], [noMail]],
      'from egress IPPool pods; stale: its source would stay as it is now',
    ],
    [
      'masqueraded, and now a binding gives the pod an address',
      masqueraded,
      [[natPool], [mail]],
      `from egress IPPool pods; stale: it would leave with ${PUBLIC} (Pod mail/smtp) now`,
    ],
    [
      'with the address of a rule that is gone',
      byRule,
      [
        [natPool, ruled],
        [noRule, plainPool],
      ],
      'from egress EgressRule shop; stale: its source would stay as it is now',
    ],
    [
      'masqueraded, and a rule gives another address now',
      flow(POD, PLACE, { via: NODE }),
      [[natPool], [ruled]],
      'from egress IPPool pods; stale: it would leave with 203.0.113.8 (EgressRule shop) now',
    ],
    [
      'masqueraded, and a rule whose address is not here drops now',
      masqueraded,
      [[natPool], [dropping]],
      'from egress IPPool pods; stale: its packets would be dropped (EgressRule shop) now',
    ],
    [
      'untranslated, and a rule drops now',
      plain,
      [[natPool], [dropping]],
      'stale: its packets would be dropped (EgressRule shop) now',
    ],
    [
      'of a pod that is not known any more, where a rule asks for pods that are',
      byRule,
      [[natPool, present('Pod', pod([])), ofShop], [noMail]],
      'from egress EgressRule shop; stale: its packets would be dropped (EgressRule shop) now',
    ],
    [
      'with the address of a binding that is gone',
      unbound,
      [[natPool, mail], [noMail]],
      "from pod Pod mail/smtp; stale: it would leave with the node's address (IPPool pods) now",
    ],
    [
      'with the address that the binding had',
      unbound,
      [[mail], [mailElsewhere]],
      'from pod Pod mail/smtp; stale: it would leave with 203.0.113.8 (Pod mail/smtp) now',
    ],
    [
      'to the pod that had the binding',
      dialled,
      [[mail], [mailMoved]],
      `pod Pod mail/smtp ${PUBLIC}:25/TCP; stale: ${PUBLIC}:25/TCP goes to Pod mail/smtp now (${OTHER_POD}:25)`,
    ],
    [
      'to a pod whose binding is gone',
      dialled,
      [[mail], [noMail]],
      `pod Pod mail/smtp ${PUBLIC}:25/TCP; stale: Pod mail/smtp is not bound to ${PUBLIC}:25/TCP any more`,
    ],
    [
      'to the node itself, where a binding is now',
      flow(CLIENT, `${PUBLIC}:25`),
      [[], [mail]],
      `stale: ${PUBLIC}:25/TCP goes to Pod mail/smtp now (${POD}:25)`,
    ],
    [
      'to a binding that does not admit its source any more',
      dialled,
      [[mail], [mailForFriends]],
      `pod Pod mail/smtp ${PUBLIC}:25/TCP; stale: Pod mail/smtp does not admit ${CLIENT} any more`,
    ],
  ])('%s', (_, one, steps, expected) => {
    expect(inShort(judged(one, ...steps))).toBe(expected);
  });

  test.each<[string, TrackedFlow, FactChange[][]]>([
    ['a rule drops what goes elsewhere', masqueraded, [[natPool], [droppingElsewhere]]],
    ['a rule drops, and a binding comes before it', unbound, [[natPool, mail], [dropping]]],
    ['to a destination in a pool', flow(POD, '10.244.7.7'), [[plainPool], [natPool]]],
    ['to the node itself', flow(POD, NODE), [[plainPool], [natPool]]],
    ['from outside', flow(CLIENT, POD), [[plainPool], [natPool]]],
    ['masqueraded with any address of the node', flow(POD, PLACE, { via: '203.0.113.8' }), [[natPool]]],
    ['masqueraded by another program all the time', masqueraded, [[plainPool], [mail], [noMail], [exempt]]],
    ['a pool that came back', masqueraded, [[natPool], [noPool], [natPool]]],
    [
      'TCP to an endpoint that its Service has no more',
      flow('10.244.9.9', '10.96.0.10:80', { at: '10.244.2.7:8080' }),
      [web],
    ],
    [
      'to a place that a pool never had, of a protocol without ports',
      flow(POD, PLACE, { protocol: 1 }),
      [[natPool]],
    ],
  ])('not: %s', (_, one, steps) => {
    expect(judged(one, ...steps).stale).toBeNull();
  });
});

describe('from the port of a binding', () => {
  const second = '203.0.113.8';
  const sip = (port: number) =>
    present(
      'Pod',
      pod([
        natEntry({ sourcePort: portOf(25) }),
        natEntry({
          ...{ interfaceAuto: false, sourceIP: ip(second) },
          sourcePort: portOf(port),
          destinationPort: portOf(5060),
        }),
      ]),
    );
  const registered = (port: number) => flow(`${POD}:5060`, PLACE, { via: `${second}:${port}` });

  test.each<[string, TrackedFlow, FactChange[], string]>([
    ['its address and port', registered(5062), [sip(5062)], 'from pod Pod mail/smtp'],
    ['any other port', flow(POD, PLACE, { via: `${PUBLIC}:50000` }), [sip(5062)], 'from pod Pod mail/smtp'],
    [
      'another port',
      registered(5062),
      [sip(5064)],
      'from pod Pod mail/smtp; stale: it would leave with 203.0.113.8:5064 (Pod mail/smtp) now',
    ],
    [
      'another address',
      flow(`${POD}:5060`, PLACE, { via: `${PUBLIC}:5062` }),
      [sip(5062)],
      'from other; stale: it would leave with 203.0.113.8 (Pod mail/smtp) now',
    ],
  ])('%s', (_, one, changes, expected) => {
    expect(inShort(judged(one, changes))).toBe(expected);
  });
});
