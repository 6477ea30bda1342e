import type { ListingEnd } from '../forms/flows.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import { everyFlow } from '../wire/conntrack/table.ts';
import type { FlowLines } from './flow-lines.ts';
import type { FlowJudge, Judgement } from './judge.ts';
import type { Names } from './names.ts';
import { isWanted, mayBeWanted, type WantedFlows } from './question.ts';

export interface ListingParts {
  readonly judge: Pick<FlowJudge, 'judge'>;
  /** Null where no names are known. */
  readonly names: Names | null;
}

/** Answers one question, flow by flow. */
export class Listing {
  readonly #wanted: WantedFlows;
  readonly #parts: ListingParts;
  #looked = 0;
  #listed = 0;
  #stale = 0;
  #accounting = false;

  constructor(wanted: WantedFlows, parts: ListingParts) {
    this.#wanted = wanted;
    this.#parts = parts;
  }

  /** The limit of flows is reached. */
  get isFull(): boolean {
    return this.#listed >= this.#wanted.limit;
  }

  /** The judgement of a wanted flow; null for others. */
  look(flow: FlowView): Judgement | null {
    if (this.isFull) return null;
    this.#looked++;
    this.#accounting ||= flow.counted;
    const { judge, names } = this.#parts;
    if (!mayBeWanted(this.#wanted, flow, names)) return null;
    const judgement = judge.judge(flow);
    if (!isWanted(this.#wanted, flow, judgement, names)) return null;
    this.#listed++;
    if (judgement.stale !== null) this.#stale++;
    return judgement;
  }

  get end(): ListingEnd {
    return {
      looked: this.#looked,
      listed: this.#listed,
      cut: this.isFull,
      stale: this.#stale,
      accounting: this.#accounting,
    };
  }
}

/** Approximate bytes of a piece. */
const PIECE = 128 * 1024;

/** The answer to a listing, in pieces that end with a line; the last line is `{"end": ListingEnd}`. */
export async function* listingPieces(listing: Listing, lines: FlowLines): AsyncGenerator<Uint8Array> {
  const look = everyFlow((flow) => {
    const judgement = listing.look(flow);
    if (judgement !== null) lines.add(flow, judgement);
  });
  for await (const _ of look) {
    if (lines.length >= PIECE) yield lines.take();
    if (listing.isFull) break;
  }
  const end: { readonly end: ListingEnd } = { end: listing.end };
  lines.addText(JSON.stringify(end));
  yield lines.take();
}
