import { isOwnAddress } from '../explain/own.ts';
import { formatRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import { type AddressSet, setContains } from '../net/ranges.ts';
import { endpointText } from '../plan/canonical.ts';
import type { Endpoint, ServiceFrontend } from '../plan/entry.ts';
import { clusterAddressKey } from '../plan/entry-key.ts';
import type { Comparison } from './comparison.ts';
import type { DialledEntry, DialledPorts } from './dialled.ts';
import type { EndpointList, Frame } from './frame.ts';
import type { Places } from './places.ts';
import { type Both, SIDES } from './sides.ts';

/** An endpoint of dialled ports, as a source and as a destination. */
export interface PlacedEndpoint {
  readonly address: IpAddress;
  /** Index of the kind of sources; null: of the other family, which sends nothing here. */
  readonly source: number | null;
  /** Equal for endpoints that reach themselves at the same ports, and that every rule treats alike. */
  readonly group: string;
}

/** Dialled ports without the names: ports of equal shape are treated alike, but for the names of the frame. */
export interface Shape {
  readonly key: string;
  readonly frame: Frame;
  /** As in the frame. */
  readonly endpoints: readonly PlacedEndpoint[];
}

/** Whether a walk looks at a field of a frontend. The compiler asks for new fields. */
const FIELDS: Readonly<Record<keyof ServiceFrontend, 'asked' | 'in the frame' | 'not asked'>> = {
  kind: 'not asked',
  key: 'not asked',
  tuple: 'not asked',
  owner: 'in the frame',
  createdAt: 'not asked',
  endpoints: 'in the frame',
  localEndpoints: 'in the frame',
  retained: 'not asked',
  origin: 'asked',
  portName: 'asked',
  masquerade: 'asked',
  unserved: 'asked',
  sourceRanges: 'asked',
  affinityTimeoutSeconds: 'asked',
};
const ASKED = (Object.keys(FIELDS) as (keyof ServiceFrontend)[]).filter((field) => FIELDS[field] === 'asked');

/** Tells shapes of dialled ports. */
export class Shapes {
  readonly #comparison: Comparison;
  readonly #sources: Places;
  readonly #destinations: Places;
  readonly #sets = new Map<AddressSet, number>();

  /**
   * @param sources the kinds of sources
   * @param destinations the kinds of destinations for all rules of all sources
   */
  constructor(comparison: Comparison, sources: Places, destinations: Places) {
    this.#comparison = comparison;
    this.#sources = sources;
    this.#destinations = destinations;
  }

  of(ports: DialledPorts): Shape {
    const { entry, protocol } = ports;
    const owners: string[] = [];
    const parts: (string | number | null)[] = [protocol];
    for (const side of SIDES) parts.push(...this.#sideParts(ports, side, owners));
    const lists = { before: listsOf(entry.before), after: listsOf(entry.after) };
    const places = new Map<IpAddress, string>();
    const order = new Map<IpAddress, number>();
    let text = '';
    for (const [index, list] of [...listsIn(lists)].entries()) {
      if (list.length > 0) text += `|${index}`;
      for (const endpoint of list) {
        const { address, port } = endpoint;
        let number = order.get(address);
        if (number === undefined) {
          number = order.size;
          order.set(address, number);
        }
        parts.push(number, port);
        places.set(address, `${places.get(address) ?? ''}${index}:${port},`);
        text += ` ${endpointText(endpoint)}`;
      }
      parts.push('|');
    }
    const endpoints = [...places].map(([address, ports]) => this.#placed(address, ports, entry));
    for (const { source, group } of endpoints) parts.push(source, group);
    const frame = {
      owners,
      addresses: [...places.keys()],
      lists,
      text: JSON.stringify(owners) + text,
    };
    return { key: JSON.stringify(parts), frame, endpoints };
  }

  /** What a walk asks on one side, beside the endpoints. */
  #sideParts(
    { address, protocol, span, entry: entries }: DialledPorts,
    side: keyof Both<unknown>,
    owners: string[],
  ) {
    const { [side]: entry } = entries;
    const named = (owner: string) => {
      const known = owners.indexOf(owner);
      return known === -1 ? owners.push(owner) - 1 : known;
    };
    if (entry?.kind === 'ServiceFrontend') {
      const fields = ASKED.map((field) => {
        const value = entry[field];
        return field === 'sourceRanges'
          ? this.#numberOf(entry.sourceRanges)
          : (value as string | number | null);
      });
      return ['frontend', named(formatRef(entry.owner)), Number(entry.localEndpoints === null), ...fields];
    }
    // A binding shares no walk: its pod may be the source too.
    if (entry !== null) return ['binding', entry.key, named(formatRef(entry.owner)), span.first, span.last];
    const { plan, node } = this.#comparison[side];
    const cluster = plan.entry(clusterAddressKey(address));
    const owner = cluster?.kind === 'ClusterAddress' ? named(formatRef(cluster.owner)) : null;
    // The node's own programs listen at addresses of its own.
    const own = isOwnAddress(node, address) ? address : null;
    return ['none', owner, this.#destinations.at(address), own, protocol, span.first, span.last];
  }

  #placed(address: IpAddress, ports: string, { before, after }: DialledPorts['entry']): PlacedEndpoint {
    const source = this.#sources.at(address);
    const allowed = [before, after].map((entry) =>
      entry?.sourceRanges == null ? '' : Number(setContains(entry.sourceRanges, address)),
    );
    return { address, source, group: `${ports} ${this.#destinations.at(address)} ${allowed.join(' ')}` };
  }

  #numberOf(set: AddressSet | null): number | null {
    if (set === null) return null;
    const known = this.#sets.get(set);
    if (known !== undefined) return known;
    this.#sets.set(set, this.#sets.size);
    return this.#sets.size - 1;
  }
}

const NONE = { endpoints: null, localEndpoints: null };

function listsOf(entry: DialledEntry | null): Readonly<Record<EndpointList, readonly Endpoint[] | null>> {
  if (entry === null) return NONE;
  return entry.kind === 'PodBinding' ? { endpoints: [entry.endpoint], localEndpoints: null } : entry;
}

function* listsIn({ before, after }: Frame['lists']): Generator<readonly Endpoint[]> {
  for (const { endpoints, localEndpoints } of [before, after]) {
    yield endpoints ?? [];
    yield localEndpoints ?? [];
  }
}
