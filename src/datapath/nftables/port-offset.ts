/**
 * How the kernel shifts ports: with NF_NAT_RANGE_PROTO_OFFSET a port becomes
 *
 *     first + (port mod (last - first + 1))                         nf_nat_l4proto_unique_tuple, base_proto = 0
 *
 * and, where that is taken, the next one within first … last. So a range is cut into pieces of which each begins at a
 * multiple of its own length:
 *
 *     port = k·n + i, 0 ≤ i < n   ⇒   port mod n = i   ⇒   first + i
 *
 * With first … last as long as the piece, no port outside of the target is ever chosen, whatever is taken.
 */

/** Ports `port` … `port + count - 1` become `becomes` … `becomes + count - 1`. */
export interface PortPiece {
  readonly port: number;
  readonly becomes: number;
  readonly count: number;
}

/** The pieces of a shift, in order. A few, one where the length divides the first port: 20000-29999, 10000-10099. */
export function shiftPieces(port: number, becomes: number, count: number): PortPiece[] {
  const pieces: PortPiece[] = [];
  for (let done = 0; done < count; ) {
    const from = port + done;
    const length = greatestDivisor(from, count - done);
    pieces.push({ port: from, becomes: becomes + done, count: length });
    done += length;
  }
  return pieces;
}

/** The greatest divisor of the number that is not above `most`. */
function greatestDivisor(number: number, most: number): number {
  if (number <= most) return number;
  let greatest = 1;
  for (let divisor = 1; divisor * divisor <= number; divisor++) {
    if (number % divisor !== 0) continue;
    const other = number / divisor;
    if (other <= most) return other;
    if (divisor <= most) greatest = divisor;
  }
  return greatest;
}
