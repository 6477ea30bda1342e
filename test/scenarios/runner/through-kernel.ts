import { formatEndpoint, type IpAddress } from '../../../src/net/address.ts';
import { hasPorts } from '../../../src/net/protocol.ts';
import { isLoopback } from '../../../src/net/special-address.ts';
import { freePorts } from '../../conformance/agreement.ts';
import { endpointOf } from '../../conformance/endpoint-text.ts';
import {
  type Awaited,
  type Observed,
  observe,
  observeOnce,
  SILENCE_MS,
  type SourceSeen,
} from '../../netns/observe.ts';
import { ProgrammedNode } from '../../netns/programmed-node.ts';
import { allSettled, type Dialled, type Stage } from '../../netns/stage.ts';
import { aboutOf, type Failure, packetFailures, type SeenFate } from './judge.ts';
import type { Packet, Scenario, Step } from './scenario.ts';
import { type Asked, ask, type Cast, castOf, isPing } from './scene.ts';
import { World } from './world.ts';

/** Milliseconds to wait for a certain answer; long enough for a busy machine. */
const ANSWER_MS = 4000;

/** The differences between the scenario and real packets. Throws ScenarioInvalid. */
export async function failuresOfKernel(stage: Stage, scenario: Scenario): Promise<Failure[]> {
  const cast = await castOf(scenario);
  const world = await World.of(scenario);
  const node = new ProgrammedNode();
  const failures: Failure[] = [];
  let addresses: readonly IpAddress[] = [];
  try {
    for (const step of scenario.steps) {
      world.take(step);
      const now = world.planner.node.localAddresses
        .map(({ address }) => address)
        .filter((each) => !isLoopback(each));
      if (now.join() !== addresses.join()) await setUp(stage, cast, now);
      addresses = now;
      await stage.listen(cast.listening.get(step) ?? []);
      if (step.restart) node.restart();
      const { skeleton, elementsAdded, elementsDeleted } = await node.converge(world.planner);
      if (step.unchanged && (skeleton !== 'kept' || elementsAdded + elementsDeleted > 0)) {
        const message = `unchanged: expected nothing written, is ${elementsAdded} elements added, ${elementsDeleted} deleted, tables ${skeleton}`;
        failures.push({ origin: step.origin, about: step.name, message });
      }
      failures.push(...(await packetsOf(stage, world, cast, step)));
    }
  } finally {
    await node.end();
  }
  return failures;
}

async function setUp(stage: Stage, { behindPods, outside }: Cast, own: readonly IpAddress[]): Promise<void> {
  await stage.setUp({ nodeAddresses: own, sources: [...outside], targets: [], behindPods: [...behindPods] });
}

/** The packets of a step are sent at once. */
async function packetsOf(stage: Stage, world: World, cast: Cast, step: Step): Promise<Failure[]> {
  const failures = await allSettled(
    step.packets
      .filter((packet) => !isPing(packet))
      .map(async (packet): Promise<Failure[]> => {
        const asked = ask(world, cast, packet);
        if (typeof asked === 'string')
          return [{ origin: packet.origin, about: aboutOf(step, packet), message: asked }];
        const dialled = dialledOf(asked);
        if (packet.unanswered) {
          await stage.dial(dialled, SILENCE_MS);
          return [];
        }
        const observed = await look(stage, packet, asked, dialled);
        if (observed.unreachable.size > 0) {
          const message = `expected some answer or none, is ${[...observed.unreachable].join(', ')}`;
          return [{ origin: packet.origin, about: aboutOf(step, packet), message }];
        }
        return packetFailures(world, step, packet, fateOf(world, packet, asked, dialled, observed));
      }),
  );
  for (const packet of step.packets.filter(isPing))
    failures.push(await pingFailures(stage, world, cast, step, packet));
  return failures.flat();
}

/** Echo requests go one after the other. */
async function pingFailures(
  stage: Stage,
  world: World,
  cast: Cast,
  step: Step,
  packet: Packet,
): Promise<Failure[]> {
  const asked = ask(world, cast, packet);
  if (typeof asked === 'string')
    return [{ origin: packet.origin, about: aboutOf(step, packet), message: asked }];
  const { source, destination, port } = asked.packet;
  const outcome = await stage.ping(source, destination, packet.verdict === 'drop' ? SILENCE_MS : ANSWER_MS);
  const saw = typeof outcome === 'string' ? null : outcome.saw;
  const ended = outcome === 'refused' ? 'reject' : 'drop';
  const masquerade = saw !== null && saw !== source;
  return packetFailures(world, step, packet, {
    packet: asked.packet,
    verdict: saw === null ? ended : masquerade ? 'snat' : 'none',
    paths: saw === null ? [] : [{ endpoint: { address: destination, port }, after: { source: saw } }],
    masquerade,
    sticks: true,
    ports: null,
  });
}

type Understood = Exclude<Asked, string>;

function dialledOf({ packet: { source, destination, protocol, port, sourcePort } }: Understood): Dialled {
  if (!hasPorts(protocol)) throw new TypeError('an echo request is not dialled');
  const from = sourcePort === undefined ? {} : { sourcePort };
  return { source, address: destination, protocol, port, ...from };
}

/** A packet with a source port is a flow of its own: sent once. */
async function look(stage: Stage, packet: Packet, { walk }: Understood, dialled: Dialled): Promise<Observed> {
  const verdict = packet.verdict ?? walk.verdict;
  if (dialled.sourcePort !== undefined) {
    return await observeOnce(stage, dialled, verdict === 'drop' ? SILENCE_MS : ANSWER_MS);
  }
  return await observe(stage, dialled, awaitedOf(verdict, packet, walk));
}

function awaitedOf(verdict: string, { sticks }: Packet, { paths, unknown }: Understood['walk']): Awaited {
  if (verdict === 'drop') return { kind: 'silence' };
  if (verdict === 'reject') return { kind: 'refusal' };
  const from = new Set(paths.map(({ endpoint }) => formatEndpoint(endpoint.address, endpoint.port)));
  return { kind: 'answers', from, everybody: !sticks && !unknown.includes('affinity') };
}

/** What was seen, in the words of a walk. */
function fateOf(
  world: World,
  packet: Packet,
  { walk, packet: walked }: Understood,
  dialled: Dialled,
  { refused, silent, answers }: Observed,
): SeenFate {
  const seen = [...answers].flatMap(([by, source]) =>
    sourcesSeen(source, walked.source).map((each) => ({ endpoint: endpointOf(by), after: { source: each } })),
  );
  // One client of several endpoints may have met some alone: the rest is as good as seen.
  const met = new Set(answers.keys());
  const foretold = walk.paths.map(({ endpoint }) => formatEndpoint(endpoint.address, endpoint.port));
  const isPart = [...met].every((by) => foretold.includes(by));
  const isFew = packet.sticks || dialled.sourcePort !== undefined || walk.unknown.includes('affinity');
  const rest =
    isFew && isPart && met.size > 0
      ? walk.paths
          .filter(({ endpoint }) => !met.has(formatEndpoint(endpoint.address, endpoint.port)))
          .map(({ endpoint }) => ({ endpoint, after: { source: seen[0]?.after.source ?? walked.source } }))
      : [];
  const masquerade = [...answers.values()].some(isRewritten);
  const verdicts = [
    ...(refused > 0 ? ['reject'] : []),
    ...(silent > 0 ? ['drop'] : []),
    ...(answers.size > 0 ? [answeredVerdict([...met], dialled, masquerade)] : []),
  ];
  return {
    packet: walk.packet,
    // Several at once are no verdict, and fit none.
    verdict: verdicts.join(' and ') as SeenFate['verdict'],
    paths: [...seen, ...rest],
    masquerade,
    sticks: met.size === 1,
    ports: [...answers.values()].flatMap((source) => portsSeen(world, packet, dialled, source)),
  };
}

function answeredVerdict(met: readonly string[], { address, port }: Dialled, masquerade: boolean): string {
  const isSame = met.length === 1 && met[0] === formatEndpoint(address, port);
  return isSame ? (masquerade ? 'snat' : 'none') : 'dnat';
}

/** Rarely a source that is rewritten to itself keeps its port by chance, so the majority decides. */
function isRewritten({ kept, rewritten }: SourceSeen): boolean {
  return [...rewritten.values()].reduce((sum, count) => sum + count, 0) > kept;
}

function sourcesSeen({ kept, rewritten }: SourceSeen, source: IpAddress): IpAddress[] {
  return [...new Set([...(kept > 0 ? [source] : []), ...([...rewritten.keys()] as IpAddress[])])];
}

/** In the word that is expected, where it fits. */
function portsSeen(
  world: World,
  { asPort }: Packet,
  dialled: Dialled,
  { kept, ports }: SourceSeen,
): NonNullable<SeenFate['ports']> {
  const free = freePorts(world.planner.plan, dialled);
  const unchanged = kept === 0 ? [] : [{ dialled: dialled.sourcePort ?? 0, seen: dialled.sourcePort ?? 0 }];
  return [...unchanged, ...ports].map(({ dialled: from, seen }) => {
    if (asPort === 'same') return seen === from ? 'same' : seen;
    if (asPort === 'free')
      return free.some(({ first, last }) => first <= seen && seen <= last) ? 'free' : seen;
    return seen;
  });
}
