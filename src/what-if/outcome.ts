import { fateOf } from '../explain/answer.ts';
import type { Packet } from '../explain/packet.ts';
import { type Unknown, type Walk, walk } from '../explain/walk.ts';
import type { PacketFate } from '../forms/walk.ts';
import { type Cause, causeOf } from './cause.ts';
import type { Comparison } from './comparison.ts';
import type { Both } from './sides.ts';

/** What becomes of the packets of a class on both sides; the same object for the same content. */
export interface Outcome extends Both<PacketFate> {
  readonly because: Both<Cause>;
  /** The endpoints' ports follow the packet's port: `before` and `after` are those of the first port. */
  readonly shifts: Both<boolean>;
  readonly unknown: readonly Unknown[];
  /** Equal for equal outcomes of one search. */
  readonly key: number;
}

const NEVER: Both<boolean> = { before: false, after: false };

/** Answers for one packet, as `explain` does, on both sides. */
export class Outcomes {
  readonly #comparison: Comparison;
  readonly #known = new Map<string, Outcome>();

  constructor(comparison: Comparison) {
    this.#comparison = comparison;
  }

  /** Null: the packet's fate is the same. @param ranges whether a range of ports leads to as many ports of a pod */
  of(packet: Packet, ranges: Both<boolean> = NEVER): Outcome | null {
    const before = this.#walk('before', packet);
    const after = this.#walk('after', packet);
    // A packet that a rule about sources drops has no endpoint.
    const shifts = {
      before: ranges.before && before.verdict === 'dnat',
      after: ranges.after && after.verdict === 'dnat',
    };
    if (shifts.before === shifts.after && isAlike(before, after)) return null;
    const fates = { before: fateOf(before), after: fateOf(after) };
    const texts = [fateKey(fates.before), fateKey(fates.after)];
    if (texts[0] === texts[1] && shifts.before === shifts.after) return null;
    const because = { before: causeOf(before), after: causeOf(after) };
    if (shifts.before || shifts.after) texts.push(`${shifts.before} ${shifts.after} ${packet.port}`);
    const key = [...texts, causeKey(because.before), causeKey(because.after)].join(' / ');
    let known = this.#known.get(key);
    if (known === undefined) {
      const unknown = [...new Set([...before.unknown, ...after.unknown])];
      known = { ...fates, because, shifts, unknown, key: this.#known.size };
      this.#known.set(key, known);
    }
    return known;
  }

  #walk(side: keyof Both<unknown>, packet: Packet): Walk {
    const { plan, node } = this.#comparison[side];
    return walk(plan, node, packet);
  }
}

/** Equal for equal fates. Addresses and ports have no spaces. */
function fateKey({ verdict, endpoints, masq, snat }: PacketFate): string {
  return `${verdict} ${masq} ${snat} ${endpoints.join(' ')}`;
}

/** Equal for equal causes. The lengths separate the parts, since a name in a manifest may contain anything. */
function causeKey({ text, destination, source }: Cause): string {
  return `${text.length} ${destination?.length} ${source?.length} ${text}${destination ?? ''}${source ?? ''}`;
}

/** A cheap look at what makes up a fate; false may mean that they are alike nevertheless. */
function isAlike(a: Walk, b: Walk): boolean {
  return (
    a.verdict === b.verdict &&
    a.paths.length === b.paths.length &&
    a.paths.every((path, index) => {
      const other = b.paths[index];
      return (
        other !== undefined &&
        path.snat === other.snat &&
        (a.verdict !== 'dnat' ||
          (path.endpoint.port === other.endpoint.port && path.endpoint.address === other.endpoint.address))
      );
    })
  );
}
