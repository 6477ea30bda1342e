import { formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Packet } from './packet.ts';

/** One direction of a connection that conntrack knows. */
export interface FlowEnds {
  readonly src: IpAddress;
  readonly sport: number;
  readonly dst: IpAddress;
  readonly dport: number;
}

/** A connection like the packet's that began before and keeps its translation. */
export interface ExistingFlow {
  /** As its first packet came. */
  readonly original: FlowEnds;
  /** As a reply comes: from where it really goes, to what its source became. */
  readonly reply: FlowEnds;
  /** Until conntrack forgets it, unless packets come. Null: not told. */
  readonly timeoutSeconds: number | null;
}

/** The same as text, for programs. */
export interface ExistingFlowJson {
  readonly original: { readonly source: string; readonly destination: string };
  readonly reply: { readonly source: string; readonly destination: string };
  readonly timeoutSeconds: number | null;
}

export function existingFlowJson({ original, reply, timeoutSeconds }: ExistingFlow): ExistingFlowJson {
  return { original: endsText(original), reply: endsText(reply), timeoutSeconds };
}

/** What an existing connection keeps, and for how long, in one sentence without its end. */
export function existingFlowText({ protocol }: Pick<Packet, 'protocol'>, flow: ExistingFlow): string {
  const { original, reply, timeoutSeconds } = flow;
  const { source, destination } = endsText(original);
  const kept = endsText(reply);
  const goes = kept.source === destination ? '' : ` to ${kept.source}`;
  const leaves = kept.destination === source ? '' : ` as ${kept.destination}`;
  const translation = goes === '' && leaves === '' ? 'stays untranslated' : `keeps going${goes}${leaves}`;
  const until = timeoutSeconds === null ? 'it ends' : `it ends, or is still for ${timeoutSeconds} s`;
  return `${protocol} ${source} → ${destination} ${translation} until ${until}`;
}

function endsText({ src, sport, dst, dport }: FlowEnds) {
  return { source: formatEndpoint(src, sport), destination: formatEndpoint(dst, dport) };
}
