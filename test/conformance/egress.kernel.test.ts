/**
 * Random pools, EgressRules and packets: the kernel does with each packet what `decideEgress` says, the function
 * that `knat explain` uses too. `KNAT_EGRESS_RUNS` is the number of states for each of the settings.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IpMasqAgentFact } from '../../src/model/ip-masq-agent.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { familyOf, formatEndpoint } from '../../src/net/address.ts';
import { decideEgress } from '../../src/plan/egress-decision.ts';
import { type NatPlan, scopeOf } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions, type EgressOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { cidr, ip, portOf, present } from '../generators/build.ts';
import {
  type EgressDial,
  type EgressState,
  egressNode,
  egressState,
  egressUniverse,
} from '../generators/egress-state.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { allSettled, Stage } from '../netns/stage.ts';

const runs = Number(process.env.KNAT_EGRESS_RUNS ?? 25);
const SHRINK_MS = 60_000;
/** Milliseconds to wait for an answer: longer than until a SYN is repeated. Where silence is expected, the wait is shorter. */
const ANSWER_MS = 2500;
const SILENCE_MS = 400;
/** The interface towards all destinations. */
const OUT_INTERFACE = 'cni0';

const signal = new AbortController().signal;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  const nodeAddresses = egressNode.localAddresses.map(({ address }) => address);
  await stage.setUp({ nodeAddresses, ...egressUniverse });
});

afterAll(() => stage.dispose());

/** A file of ip-masq-agent, and how the node recognises pods. */
interface MasqAgent {
  readonly file: IpMasqAgentFact;
  readonly node: Partial<NodeFacts>;
}

const file: IpMasqAgentFact = {
  name: 'ip-masq-agent',
  nonMasqueradeCIDRs: ['10.7.0.0/16', '198.51.100.10/32', 'fd00:1::/64'].map(cidr),
  masqLinkLocal: false,
  masqLinkLocalIPv6: false,
};

const settings: readonly [string, Partial<EgressOptions>, MasqAgent?][] = [
  ['as it is', {}],
  [
    'with port ranges, an address and an interface that matches',
    {
      natPortRange: [
        { first: 20000, last: 20999 },
        { first: 29000, last: 31000 },
      ],
      natOutgoingAddress: [ip('203.0.113.8')],
      natOutgoingInterfaceFilter: 'back+',
    },
  ],
  ['with an interface that does not match', { natOutgoingInterfaceFilter: 'eth+' }],
  [
    'with hosts excluded, the narrowest pool deciding',
    { natOutgoingExclusions: 'IPPoolsAndHostIPs', mostSpecificPoolWins: true },
  ],
  ['with ip-masq-agent’s file, pods recognised by their Pod objects', {}, { file, node: {} }],
  [
    'with ip-masq-agent’s file, pods recognised by an interface',
    {},
    { file, node: { podInterface: { name: 'client', isPrefix: true } } },
  ],
  [
    'with ip-masq-agent’s file, pods recognised by an interface that no packet enters by',
    {},
    { file, node: { podInterface: { name: 'cni0', isPrefix: false } } },
  ],
];

describe.each(settings)('%s', (_, egress, masqAgent) => {
  const options = { ...defaultPlanOptions, egress: { ...defaultPlanOptions.egress, ...egress } };

  test(
    'the kernel does what decideEgress says',
    async () => {
      const agrees = async (state: EgressState): Promise<void> => {
        const planner = new Planner({ ...egressNode, ...masqAgent?.node }, options);
        planner.apply(state.changes);
        if (masqAgent !== undefined) planner.apply([present('IpMasqAgent', masqAgent.file)]);
        const plan = planner.update();
        await stage.datapath.converge(plan, signal);
        const seen = await allSettled(state.packets.map((packet) => observe(plan, packet)));
        expect(seen.map(({ kernel }) => kernel)).toEqual(seen.map(({ decision }) => decision));
      };
      await fc.assert(fc.asyncProperty(egressState, shrinkFor(SHRINK_MS, agrees)), { numRuns: runs });
    },
    SHRINK_MS + 300_000,
  );
});

/** What is said and what is so, in the same words. */
async function observe(plan: NatPlan, packet: EgressDial): Promise<{ decision: string; kernel: string }> {
  const { source, address: destination, protocol, port } = packet;
  const family = familyOf(source);
  const scope = scopeOf(plan, family);
  const { outcome } = decideEgress(scope, plan.egressSource(source), {
    source,
    destination,
    protocol,
    port: portOf(port),
    inputInterface: stage.inputInterface(source),
    outInterface: OUT_INTERFACE,
  });
  const name = `${protocol} ${source} → ${formatEndpoint(destination, port)}: `;
  const own = egressNode.nodeIPs.find((one) => familyOf(one) === family);
  const to =
    outcome.verdict === 'snat' ? outcome.to : outcome.verdict === 'masquerade' ? own : outcome.verdict;
  const ended = await stage.dial(packet, outcome.verdict === 'drop' ? SILENCE_MS : ANSWER_MS);
  if (ended.outcome !== 'answered') {
    const kernel = ended.outcome === 'timeout' ? 'drop' : `${ended.outcome} ${ended.how}`;
    return { decision: name + to, kernel: name + kernel };
  }
  if (ended.sawSource === ended.from) return { decision: name + to, kernel: `${name}keep` };
  const [, seen = '', seenPort = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(ended.sawSource) ?? [];
  const { ports } = scope.egress;
  const inRange =
    ports.length === 0 ||
    ports.some(({ first, last }) => first <= Number(seenPort) && Number(seenPort) <= last);
  return { decision: name + to, kernel: `${name}${seen}${inRange ? '' : ` from port ${seenPort}`}` };
}
