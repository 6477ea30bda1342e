import { addTo } from '../base/collect.ts';
import type { FlowReport } from '../forms/flows.ts';
import type { ConcernedConnection } from '../forms/what-if.ts';
import { addressFromNumber, type IpAddress, parseAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import type { PacketChange } from './classes.ts';

/** Connections that are listed, those with the most bytes first. */
const LISTED = 10;
/** Sets of destinations up to this many addresses are looked up by address. */
const FEW = 256n;

type Flow = Pick<FlowReport, 'protocol' | 'original' | 'bytes' | 'from' | 'to'>;

interface Ends {
  readonly address: IpAddress;
  readonly port: number;
}

/** Existing connections whose first packet would have another fate now. They keep their translation. */
export class Connections {
  readonly #byAddress = new Map<IpAddress, PacketChange[]>();
  readonly #wide: PacketChange[] = [];
  readonly #counts = new Map<PacketChange, Map<number, number>>();
  #busiest: ConcernedConnection[] = [];
  #count = 0;

  constructor(changes: readonly PacketChange[]) {
    for (const change of changes) {
      const { family, ranges } = change.cell.destinations;
      const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
      if (size > FEW) this.#wide.push(change);
      else {
        for (const { first, last } of ranges) {
          for (let next = first; next <= last; next++) {
            addTo(this.#byAddress, addressFromNumber(family, next), change);
          }
        }
      }
    }
  }

  note(flow: Flow): void {
    const source = endsOf(flow.original.source);
    const destination = endsOf(flow.original.destination);
    const protocol = PROTOCOLS.indexOf(flow.protocol as Protocol);
    if (source === null || destination === null || protocol < 0) return;
    const holds = ({ cell }: PacketChange) =>
      (cell.protocols & (1 << protocol)) !== 0 &&
      isIn(cell.ports, destination.port) &&
      isIn(cell.sourcePorts, source.port) &&
      setContains(cell.sources, source.address) &&
      setContains(cell.destinations, destination.address);
    const change = this.#byAddress.get(destination.address)?.find(holds) ?? this.#wide.find(holds);
    if (change === undefined) return;
    this.#count++;
    let counts = this.#counts.get(change);
    if (counts === undefined) {
      counts = new Map();
      this.#counts.set(change, counts);
    }
    counts.set(destination.port, (counts.get(destination.port) ?? 0) + 1);
    this.#list(flow, change);
  }

  get count(): number {
    return this.#count;
  }

  get busiest(): readonly ConcernedConnection[] {
    return sorted(this.#busiest);
  }

  /** @param port null: all ports of the class */
  of(change: PacketChange, port: number | null): number {
    const counts = this.#counts.get(change);
    if (counts === undefined) return 0;
    if (port !== null) return counts.get(port) ?? 0;
    return [...counts.values()].reduce((sum, count) => sum + count, 0);
  }

  #list({ protocol, original, from, to, bytes }: Flow, { object }: PacketChange): void {
    this.#busiest.push({ protocol, ...original, from, to, bytes, object: object === '' ? null : object });
    if (this.#busiest.length > 8 * LISTED) this.#busiest = sorted(this.#busiest);
  }
}

function sorted(connections: readonly ConcernedConnection[]): ConcernedConnection[] {
  return [...connections].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0)).slice(0, LISTED);
}

function isIn(spans: readonly PortSpan[], port: number): boolean {
  return spans.some(({ first, last }) => first <= port && port <= last);
}

/** Null for an end without a port. */
function endsOf(text: string): Ends | null {
  const colon = text.lastIndexOf(':');
  const address = parseAddress(text.slice(0, colon).replace(/^\[|\]$/g, ''));
  const port = Number(text.slice(colon + 1));
  return address === null || parseAddress(text) !== null || !Number.isInteger(port)
    ? null
    : { address, port };
}
