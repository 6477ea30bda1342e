import { addTo, firstReached } from '../base/collect.ts';
import { isOwnAddress } from '../explain/own.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import {
  type AddressRange,
  type AddressSet,
  differenceOf,
  intersectionOf,
  setContains,
  unionOf,
} from '../net/ranges.ts';
import type { Endpoint } from '../plan/entry.ts';
import type { Comparison } from './comparison.ts';
import type { DialledEntry, DialledPorts } from './dialled.ts';
import type { Ground } from './ground.ts';
import { singleAddress } from './partition.ts';
import { SIDES } from './sides.ts';
import type { SourceKind } from './sources.ts';

/** Sources of one kind that a Service or binding treats alike. */
export interface Reacher {
  readonly kind: SourceKind;
  readonly addresses: AddressSet;
}

/** Splits kinds of sources where a Service or binding looks at the source itself. */
export class Reachers {
  readonly #comparison: Comparison;
  readonly #ground: Ground;
  readonly #kinds: readonly SourceKind[];
  /** By address. */
  readonly #placed: readonly { readonly range: AddressRange; readonly kind: SourceKind }[];

  constructor(kinds: readonly SourceKind[], ground: Ground, comparison: Comparison) {
    this.#comparison = comparison;
    this.#ground = ground;
    this.#kinds = kinds;
    this.#placed = kinds
      .flatMap((kind) => kind.addresses.ranges.map((range) => ({ range, kind })))
      .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
  }

  /** Endpoints reach themselves in their own way, and allowed ranges tell sources apart. */
  of(ports: DialledPorts, kinds: readonly SourceKind[] = this.#kinds): Reacher[] {
    const { family } = this.#ground;
    const alone = this.#hairpins(ports);
    const allowed = SIDES.flatMap((side) => ports.entry[side]?.sourceRanges ?? []);
    return kinds.flatMap((kind) => {
      const groups = [...(alone.get(kind)?.values() ?? [])].map((ranges) => unionOf(family, ranges));
      const taken = unionOf(
        family,
        groups.flatMap(({ ranges }) => ranges),
      );
      const parts = [differenceOf(kind.addresses, taken), ...groups];
      return parts.flatMap((part) => splitBy(allowed, part)).map((addresses) => ({ kind, addresses }));
    });
  }

  /**
   * Endpoints as sources, by kind. Those in one group reach themselves at the same ports, and every rule treats them alike
   * as destinations; so what is left for the other endpoints is alike too, and one packet stands for all of them.
   */
  #hairpins(ports: DialledPorts): Map<SourceKind, Map<string, AddressRange[]>> {
    const found = new Map<SourceKind, Map<string, AddressRange[]>>();
    for (const [address, text] of endpointTexts(ports)) {
      if (familyOf(address) !== this.#ground.family) continue;
      const number = addressNumber(address);
      const kind = this.#kindAt(number);
      let groups = found.get(kind);
      if (groups === undefined) {
        groups = new Map();
        found.set(kind, groups);
      }
      addTo(groups, `${text} ${this.#treatment(address, kind)}`, singleAddress(number));
    }
    return found;
  }

  /** What rules for the sources look at in a destination. */
  #treatment(address: IpAddress, { choices }: SourceKind): string {
    return SIDES.map((side) => {
      const scope = this.#ground.scope[side];
      const holds = [
        isOwnAddress(this.#comparison[side].node, address),
        setContains(scope.podNatInternal, address),
        setContains(scope.egressExempt, address),
        ...choices[side].flatMap(({ to }) => (to ?? []).map(({ cidr }) => prefixContains(cidr, address))),
      ];
      return holds.map(Number).join('');
    }).join(' ');
  }

  #kindAt(number: bigint): SourceKind {
    const found = this.#placed[firstReached(this.#placed, ({ range }) => range.last >= number)];
    if (found === undefined) throw new RangeError('the kinds of sources hold every address');
    return found.kind;
  }
}

function splitBy(sets: readonly AddressSet[], part: AddressSet): AddressSet[] {
  let parts = [part];
  for (const set of new Set(sets)) {
    parts = parts.flatMap((each) => [intersectionOf(each, set), differenceOf(each, set)]);
  }
  return parts.filter(({ ranges }) => ranges.length > 0);
}

/** The addresses of the endpoints, each with the ports that it has in every list. */
function endpointTexts({ entry }: DialledPorts): ReadonlyMap<IpAddress, string> {
  const lists = SIDES.flatMap((side) => {
    const one = entry[side];
    if (one === null) return [[], []];
    return one.kind === 'PodBinding' ? [[one.endpoint], []] : [one.endpoints, one.localEndpoints ?? []];
  });
  const texts = new Map<IpAddress, string>();
  for (const [index, list] of lists.entries()) {
    for (const { address, port } of list) texts.set(address, `${texts.get(address) ?? ''}${index}:${port},`);
  }
  return texts;
}

export function endpointsOf(entry: DialledEntry): readonly Endpoint[] {
  if (entry.kind === 'PodBinding') return [entry.endpoint];
  return entry.localEndpoints === null ? entry.endpoints : [...entry.endpoints, ...entry.localEndpoints];
}
