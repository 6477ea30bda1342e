/**
 * EgressRules that choose pods by labels, with real packets: whatever changes (labels of the pod or of its namespace, the
 * pod behind an address, the rule), the very next connection leaves with the right address, and nobody else's changes.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EgressRuleFact } from '../../src/model/egress-rule.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { PodFact } from '../../src/model/pod.ts';
import { FAMILIES } from '../../src/net/family.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import {
  absent,
  egressRuleFact,
  ip,
  localAddress,
  nodeFacts,
  pod,
  pool,
  present,
} from '../generators/build.ts';
import { allSettled, Stage } from '../netns/stage.ts';

const NODE = { IPv4: '192.0.2.10', IPv6: '2001:db8::10' } as const;
const SHOP = { IPv4: '203.0.113.7', IPv6: '2001:db8::7' } as const;
const OTHER = { IPv4: '203.0.113.8', IPv6: '2001:db8::8' } as const;
const OUTSIDE = { IPv4: '198.51.100.80', IPv6: '2001:db8:9::80' } as const;
const WEB = { IPv4: '10.244.1.5', IPv6: 'fd00:244::5' } as const;
const NEIGHBOUR = { IPv4: '10.244.1.6', IPv6: 'fd00:244::6' } as const;
type Addresses = typeof NODE | typeof SHOP | typeof OTHER | typeof WEB;

const signal = new AbortController().signal;
const own = [NODE, SHOP, OTHER].flatMap((each) => FAMILIES.map((family) => ip(each[family])));

let stage: Stage;
let planner: Planner;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: own,
    sources: [WEB, NEIGHBOUR].flatMap((each) => FAMILIES.map((family) => ip(each[family]))),
    targets: FAMILIES.map((family) => ({ address: ip(OUTSIDE[family]), protocol: 'TCP', port: 443 })),
  });
});
afterAll(() => stage.dispose());

beforeEach(async () => {
  const facts = nodeFacts({
    nodeIPs: FAMILIES.map((family) => ip(NODE[family])),
    localAddresses: own.map((address) => localAddress(address)),
  });
  planner = new Planner(facts, defaultPlanOptions);
  await apply(
    present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
    present('IPPool', pool('pods6', 'fd00:244::/48', { natOutgoing: true })),
    team('shop', {}),
    team('blog', {}),
    web({}),
    neighbour,
  );
});

async function apply(...changes: readonly FactChange[]): Promise<void> {
  planner.apply(changes);
  await stage.datapath.converge(planner.update(), signal);
}

const ips = (of: typeof WEB | typeof NEIGHBOUR) => FAMILIES.map((family) => ip(of[family]));
const web = (labels: Readonly<Record<string, string>>, rest: Partial<PodFact> = {}) =>
  present('Pod', pod([], { namespace: 'shop', name: 'web', ips: ips(WEB), nat: null, labels, ...rest }));
const neighbour = present(
  'Pod',
  pod([], { namespace: 'blog', name: 'neighbour', ips: ips(NEIGHBOUR), nat: null }),
);
const team = (name: string, labels: Readonly<Record<string, string>>) =>
  present('Namespace', { name, labels });

const selector = (matchLabels: Readonly<Record<string, string>>) => ({ matchLabels, matchExpressions: [] });
const rule = (rest: Partial<EgressRuleFact>, of: typeof SHOP | typeof OTHER = SHOP) =>
  present(
    'EgressRule',
    egressRuleFact({
      name: 'shop',
      action: 'Snat',
      addresses: FAMILIES.map((family) => ip(of[family])),
      ...rest,
    }),
  );

/** The very next connection of each pod, in both families. */
async function expectSeen(webAs: Addresses | 'nobody', neighbourAs: Addresses = NODE): Promise<void> {
  const dialled = FAMILIES.flatMap((family) =>
    [
      { from: WEB[family], as: webAs === 'nobody' ? 'timeout' : webAs[family] },
      { from: NEIGHBOUR[family], as: neighbourAs[family] },
    ].map((each) => ({ ...each, to: OUTSIDE[family] })),
  );
  const seen = await allSettled(
    dialled.map(async ({ from, to, as }) => {
      const target = { source: ip(from), address: ip(to), protocol: 'TCP', port: 443 } as const;
      const ended = await stage.dial(target, as === 'timeout' ? 400 : 2500);
      if (ended.outcome !== 'answered') return `${from} as ${ended.outcome}`;
      return `${from} as ${ended.sawSource.replace(/^\[?(.*?)\]?:\d+$/, '$1')}`;
    }),
  );
  expect(seen).toEqual(dialled.map(({ from, as }) => `${from} as ${as}`));
}

test('labels of the pod', async () => {
  await apply(rule({ podSelector: selector({ app: 'web' }) }));
  await expectSeen(NODE);
  await apply(web({ app: 'web' }));
  await expectSeen(SHOP);
  await apply(web({ app: 'web', version: '2' }));
  await expectSeen(SHOP);
  await apply(web({ app: 'canary' }));
  await expectSeen(NODE);
});

test('labels of its namespace', async () => {
  await apply(rule({ namespaceSelector: selector({ team: 'shop' }) }));
  await expectSeen(NODE);
  await apply(team('shop', { team: 'shop' }));
  await expectSeen(SHOP);
  await apply(team('blog', { team: 'shop' }));
  await expectSeen(SHOP, SHOP);
  await apply(team('shop', {}));
  await expectSeen(NODE, SHOP);
  await apply(absent('Namespace', 'blog'));
  await expectSeen(NODE, NODE);
});

test('both: a pod has to be chosen by each', async () => {
  await apply(
    rule({ namespaceSelector: selector({ team: 'shop' }), podSelector: selector({ app: 'web' }) }),
    web({ app: 'web' }),
  );
  await expectSeen(NODE);
  await apply(team('shop', { team: 'shop' }));
  await expectSeen(SHOP);
  await apply(web({}));
  await expectSeen(NODE);
});

test('another pod gets the address of one that has finished', async () => {
  await apply(rule({ podSelector: selector({ app: 'web' }) }), web({ app: 'web' }));
  await expectSeen(SHOP);
  const successor = present(
    'Pod',
    pod([], { namespace: 'blog', name: 'next', uid: 'uid-next', createdAt: 2000, ips: ips(WEB), nat: null }),
  );
  await apply(successor);
  await expectSeen(NODE);
  await apply(absent('Pod', 'blog/next'));
  await expectSeen(SHOP);
  await apply(web({ app: 'web' }, { finished: true }));
  await expectSeen(NODE);
});

test('of two rules that choose a pod the first decides, and the other follows when it goes', async () => {
  await apply(
    rule({ podSelector: selector({ app: 'web' }) }),
    rule({ name: 'later', priority: 2000, podSelector: selector({ tier: 'front' }) }, OTHER),
    web({ app: 'web', tier: 'front' }),
  );
  await expectSeen(SHOP);
  await apply(web({ tier: 'front' }));
  await expectSeen(OTHER);
  await apply(web({ app: 'web', tier: 'front' }));
  await expectSeen(SHOP);
  await apply(absent('EgressRule', 'shop'));
  await expectSeen(OTHER);
});

test('fallback drop: a pod that is chosen is held back while its address is missing, and no other', async () => {
  const away = { addresses: [ip('203.0.113.99'), ip('2001:db8::99')], fallback: 'drop' } as const;
  await apply(rule({ podSelector: selector({ app: 'web' }), ...away }));
  await expectSeen(NODE);
  await apply(web({ app: 'web' }));
  await expectSeen('nobody');
  await apply(rule({ podSelector: selector({ app: 'web' }), fallback: 'drop' }));
  await expectSeen(SHOP);
});
