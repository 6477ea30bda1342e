import type { ListingEnd } from '../forms/flows.ts';
import { everyFlow } from '../wire/conntrack/table.ts';
import type { FlowLines } from './flow-lines.ts';
import type { Listing } from './listing.ts';

/** Bytes of a piece, about. */
const PIECE = 128 * 1024;

/** The whole answer to a listing, in pieces that end with a line; the last line is `{"end": ListingEnd}`. */
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
