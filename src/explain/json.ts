import { formatRef } from '../model/object.ts';
import { formatEndpoint } from '../net/address.ts';
import { type ExistingFlow, type ExistingFlowJson, existingFlowJson } from './existing.ts';
import { stepReason, unknownReason } from './reason.ts';
import type { PacketState, Step } from './step.ts';
import type { Reply, Walk } from './walk.ts';

/** A packet: addresses as text; the source is `node` if routing chooses an address of the node. */
interface PacketJson {
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly port: number;
}

interface StepJson {
  readonly hook: string;
  readonly rule: string;
  /** `Service shop/web`, or null. */
  readonly object: string | null;
  readonly verdict: string;
  readonly reason: string;
  readonly before: PacketJson;
  readonly after: readonly PacketJson[];
}

/** The form of `knat explain -o json` and of the API. Keys are only ever added. */
export interface WalkJson {
  readonly node: string;
  readonly packet: PacketJson & {
    readonly sourcePort: number | null;
    readonly inputInterface: string | null;
  };
  readonly verdict: string;
  readonly steps: readonly StepJson[];
  readonly paths: readonly {
    readonly endpoint: string;
    readonly snat: string | null;
    /** The new source port: a number, or `free`: a random one without an owner; null: it stays. */
    readonly snatPort: number | 'free' | null;
    readonly steps: readonly StepJson[];
    readonly after: PacketJson;
    readonly reply: {
      readonly sent: { readonly from: string; readonly to: string };
      readonly seen: { readonly from: string; readonly to: string };
      readonly returns: Reply['returns'];
    };
  }[];
  readonly conflicts: readonly {
    readonly key: string;
    readonly winner: string;
    readonly losers: readonly string[];
    readonly because: string;
  }[];
  /** Existing connections that match the packet, those that last longest; null: not known here. */
  readonly existing: readonly ExistingFlowJson[] | null;
  readonly unknown: readonly { readonly about: string; readonly reason: string }[];
  /** Objects that almost match, and why they do not: the right address with another port, a Service without endpoints, … */
  readonly hints: readonly {
    readonly about: string;
    /** `Service shop/web`, or null. */
    readonly object: string | null;
    readonly reason: string;
  }[];
}

/** @param existing such connections in conntrack; null if it was not read */
export function walkJson(walk: Walk, existing: readonly ExistingFlow[] | null = null): WalkJson {
  return {
    node: walk.nodeName,
    packet: {
      ...packetJson(walk.packet),
      sourcePort: walk.packet.sourcePort ?? null,
      inputInterface: walk.packet.inputInterface ?? null,
    },
    verdict: walk.verdict,
    steps: walk.steps.map(stepJson),
    paths: walk.paths.map(({ endpoint, snat, snatPort, steps, after, reply }) => ({
      endpoint: formatEndpoint(endpoint.address, endpoint.port),
      snat,
      snatPort,
      steps: steps.map(stepJson),
      after: packetJson(after),
      reply: {
        sent: {
          from: formatEndpoint(reply.sent.from.address, reply.sent.from.port),
          to: reply.sent.to,
        },
        seen: {
          from: formatEndpoint(reply.seen.from.address, reply.seen.from.port),
          to: reply.seen.to,
        },
        returns: reply.returns,
      },
    })),
    conflicts: walk.conflicts.map(({ key, winner, losers, because }) => {
      return { key, winner: formatRef(winner), losers: losers.map(formatRef), because };
    }),
    existing: existing === null ? null : existing.map(existingFlowJson),
    unknown: unknownBeside(walk, existing).map((about) => ({ about, reason: unknownReason(about) })),
    hints: walk.hints.map(({ about, object, text }) => {
      return { about, object: object === null ? null : formatRef(object), reason: text };
    }),
  };
}

/** What is not known; existing connections are known if conntrack was read. */
export function unknownBeside(walk: Walk, existing: readonly ExistingFlow[] | null): Walk['unknown'] {
  return existing === null ? walk.unknown : walk.unknown.filter((about) => about !== 'existing-connections');
}

function stepJson(step: Step): StepJson {
  return {
    hook: step.hook,
    rule: step.rule,
    object: step.object === null ? null : formatRef(step.object),
    verdict: step.verdict,
    reason: stepReason(step),
    before: packetJson(step.before),
    after: step.after.map(packetJson),
  };
}

function packetJson({ source, destination, protocol, port }: PacketState): PacketJson {
  return { source, destination, protocol, port };
}
