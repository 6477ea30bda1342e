import type { WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { DestinationStep } from './step.ts';
import type { Path, Walk } from './walk.ts';

/** What conntrack makes of a packet that no rule of NAT is asked about. */
export interface Made {
  /** Another destination. */
  readonly isTurned: boolean;
  readonly isNewSource: boolean;
  readonly step: DestinationStep;
  readonly path: Path;
}

/** The walk of a packet that belongs to a connection and that conntrack translates alone: one step, one way. */
export function knownWalk(
  { nodeName }: WalkedNode,
  packet: Packet,
  { isTurned, isNewSource, step, path }: Made,
): Walk {
  return {
    nodeName,
    packet,
    verdict: isTurned ? 'dnat' : isNewSource ? 'snat' : 'none',
    steps: [step],
    paths: [path],
    conflicts: [],
    unknown: ['other-tables'],
    hints: [],
  };
}
