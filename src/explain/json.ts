import type { WalkJson, WalkPacket, WalkStep } from '../forms/walk.ts';
import { formatRef } from '../model/object.ts';
import { branchJson } from './branch.ts';
import { placeText } from './ends-text.ts';
import { type ExistingFlow, existingFlowJson } from './existing.ts';
import { isDeciding } from './fold.ts';
import type { Journey } from './others/journey.ts';
import { wayJson } from './others/way.ts';
import { stepReason, unknownReason } from './reason.ts';
import type { PacketState, Step } from './step.ts';
import type { Walk } from './walk.ts';

/**
 * @param existing such connections in conntrack; null if it was not read
 * @param journey the way through the kernel; null if it was not examined
 */
export function walkJson(
  walk: Walk,
  existing: readonly ExistingFlow[] | null = null,
  journey: Journey | null = null,
): WalkJson {
  return {
    node: walk.nodeName,
    packet: {
      ...packetJson(walk.packet),
      sourcePort: walk.packet.sourcePort ?? null,
      icmp: walk.packet.icmp?.kind ?? null,
      inner: walk.packet.icmp !== undefined && 'inner' in walk.packet.icmp ? walk.packet.icmp.inner : null,
      inputInterface: walk.packet.inputInterface ?? null,
    },
    verdict: walk.verdict,
    steps: walk.steps.map(stepJson),
    paths: walk.paths.map(({ endpoint, snat, snatPort, steps, after, reply }) => ({
      endpoint: placeText(endpoint.address, endpoint.port),
      snat,
      snatPort,
      steps: steps.map(stepJson),
      after: packetJson(after),
      reply: {
        sent: { from: placeText(reply.sent.from.address, reply.sent.from.port), to: reply.sent.to },
        seen: { from: placeText(reply.seen.from.address, reply.seen.from.port), to: reply.seen.to },
        returns: reply.returns,
      },
    })),
    conflicts: walk.conflicts.map(({ key, winner, losers, because }) => {
      return { key, winner: formatRef(winner), losers: losers.map(formatRef), because };
    }),
    existing: existing === null ? null : existing.map(existingFlowJson),
    branches: walk.branch === undefined ? [] : [branchJson(walk.branch)],
    unknown: unknownBeside(walk, existing, journey).map((about) => ({ about, reason: unknownReason(about) })),
    way: journey === null ? null : wayJson(journey),
    hints: walk.hints.map(({ about, object, text }) => {
      return { about, object: object === null ? null : formatRef(object), reason: text };
    }),
  };
}

/** Existing connections are known if conntrack was read, and what the kernel answers if it was asked. */
export function unknownBeside(
  walk: Walk,
  existing: readonly ExistingFlow[] | null,
  journey: Journey | null,
): Walk['unknown'] {
  return walk.unknown.filter(
    (about) =>
      !(existing !== null && about === 'existing-connections') &&
      !(journey !== null && ASKED_OF_KERNEL.has(about)),
  );
}

const ASKED_OF_KERNEL: ReadonlySet<Walk['unknown'][number]> = new Set([
  'other-tables',
  'masquerade-address',
  'egress-interface',
  'input-interface',
  'local-endpoint',
]);

function stepJson(step: Step): WalkStep {
  return {
    hook: step.hook,
    rule: step.rule,
    object: step.object === null ? null : formatRef(step.object),
    verdict: step.verdict,
    decides: isDeciding(step),
    reason: stepReason(step),
    before: packetJson(step.before),
    after: step.after.map(packetJson),
  };
}

function packetJson({ source, destination, protocol, port }: PacketState): WalkPacket {
  return { source, destination, protocol, port };
}
