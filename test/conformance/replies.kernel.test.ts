/**
 * Random states of a node, and real connections: explain tells of each that it is as planned, and explains its replies
 * as what conntrack makes of them. Options as in random.kernel.test.ts.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { existingFlows } from '../../src/agent/existing-flows.ts';
import { explainQuery, explainSeen } from '../../src/agent/explain-query.ts';
import { walkJson } from '../../src/explain/json.ts';
import type { PacketQuestion } from '../../src/forms/questions.ts';
import { formatEndpoint } from '../../src/net/address.ts';
import { protocolFromNumber } from '../../src/net/protocol.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { conntrackStatus, type FlowTuple } from '../../src/wire/conntrack/entry.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { packetsOf, type Traffic, traffic } from '../generators/traffic.ts';
import { allSettled, Stage } from '../netns/stage.ts';
import { endpointsOf } from './agreement.ts';

const runs = Number(process.env.KNAT_RANDOM_RUNS ?? 12);
const seed = process.env.KNAT_RANDOM_SEED;
/** Milliseconds to wait for an answer: longer than the kernel takes to send a TCP SYN again. */
const ANSWER_MS = 1500;
/** Packets of a state: a dial that gets no answer takes all of that time. */
const PACKETS = 12;

let stage: Stage;
let checked = 0;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

test('replies of real connections are explained as what they get', async () => {
  await fc.assert(fc.asyncProperty(traffic, shrinkFor(30_000, agreement)), {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
  console.log(`${checked} connections`);
  expect(checked).toBeGreaterThan(runs);
}, 600_000);

async function agreement(state: Traffic): Promise<void> {
  const planner = new Planner(state.node, defaultPlanOptions);
  planner.apply(state.changes);
  const plan = planner.update();
  const packets = packetsOf(state, plan).slice(0, PACKETS);
  const own = state.node.localAddresses
    .map(({ address }) => address)
    .filter((address) => !isLoopback(address));
  await stage.setUp({
    nodeAddresses: [...new Set([...state.node.nodeIPs, ...own])],
    sources: packets.map(({ source }) => source),
    targets: [...packets, ...endpointsOf(plan)],
  });
  await stage.datapath.converge(plan, new AbortController().signal);
  await allSettled(packets.map((packet) => stage.dial(packet, ANSWER_MS)));
  const conntrack = new ConntrackConnection();
  const entries = conntrack.entries({
    status: { value: conntrackStatus.IPS_SEEN_REPLY, mask: conntrackStatus.IPS_SEEN_REPLY },
  });
  conntrack.close();
  for (const { protocol: number, original, reply } of entries) {
    const proto = protocolFromNumber(number);
    if (
      proto === null ||
      !packets.some(({ source, address }) => source === original.src && address === original.dst)
    ) {
      continue;
    }
    checked++;
    const name = JSON.stringify({ proto, original, reply });
    const inputInterface = stage.inputInterface(original.src);
    const first = await asked(planner, { ...question(proto, original), interface: inputInterface });
    expect(first.existing, name).toMatchObject([{ direction: 'original', asPlanned: true }]);
    const back = await asked(planner, question(proto, reply));
    expect(back.steps, name).toMatchObject([{ rule: 'reply' }]);
    const [path, ...others] = back.paths;
    expect(others, name).toEqual([]);
    expect(path?.after, name).toMatchObject({
      source: original.dst,
      destination: original.src,
      port: original.sport,
    });
    if (original.dst !== reply.src || original.dport !== reply.sport) {
      expect(path?.snatPort, name).toBe(original.dport);
    } else expect(path?.snat, name).toBeNull();
  }
}

async function asked(planner: Planner, packet: PacketQuestion) {
  const { walk, existing } = await explainSeen(planner, explainQuery(planner, packet), existingFlows);
  return walkJson(walk, existing);
}

function question(proto: string, { src, sport, dst, dport }: Omit<FlowTuple, 'icmp'>): PacketQuestion {
  return { from: formatEndpoint(src, sport), to: formatEndpoint(dst, dport), proto };
}
