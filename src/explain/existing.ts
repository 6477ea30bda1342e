import type { ExistingFlowJson } from '../forms/walk.ts';
import { formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Packet } from './packet.ts';

/** One direction of a connection in conntrack. */
export interface FlowEnds {
  readonly src: IpAddress;
  readonly sport: number;
  readonly dst: IpAddress;
  readonly dport: number;
}

/** An existing connection that matches the packet and keeps its translation. */
export interface ExistingFlow {
  /** As in its first packet. */
  readonly original: FlowEnds;
  /** As in a reply: from the real destination to the translated source. */
  readonly reply: FlowEnds;
  /** Until conntrack forgets it, unless packets arrive. Null: unknown. */
  readonly timeoutSeconds: number | null;
}

export function existingFlowJson({ original, reply, timeoutSeconds }: ExistingFlow): ExistingFlowJson {
  return { original: endsText(original), reply: endsText(reply), timeoutSeconds };
}

/** One sentence without a full stop. */
export function existingFlowText({ protocol }: Pick<Packet, 'protocol'>, flow: ExistingFlow): string {
  const { original, reply, timeoutSeconds } = flow;
  const { source, destination } = endsText(original);
  const kept = endsText(reply);
  const goes = kept.source === destination ? '' : ` to ${kept.source}`;
  const leaves = kept.destination === source ? '' : ` as ${kept.destination}`;
  const translation = goes === '' && leaves === '' ? 'is not translated' : `keeps going${goes}${leaves}`;
  const until = timeoutSeconds === null ? 'it ends' : `it ends or is idle for ${timeoutSeconds} s`;
  return `${protocol} ${source} → ${destination} ${translation} until ${until}`;
}

function endsText({ src, sport, dst, dport }: FlowEnds) {
  return { source: formatEndpoint(src, sport), destination: formatEndpoint(dst, dport) };
}
