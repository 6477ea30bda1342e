import { addressNumber, familyOf } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressSet, differenceOf, setContains, unionOf } from '../net/ranges.ts';
import { type Cell, mergedCells } from './cell.ts';
import type { Comparison } from './comparison.ts';
import { destinationParts } from './destination-labels.ts';
import { cutSpans, portCuts } from './destinations.ts';
import type { DialledPorts } from './dialled.ts';
import type { Ground } from './ground.ts';
import type { InterfaceKind } from './interfaces.ts';
import type { OutcomeForm, Outcomes } from './outcome.ts';
import { singleAddress } from './partition.ts';
import { Places } from './places.ts';
import { endpointSet, reachersOf } from './reach.ts';
import { type Shape, Shapes } from './shape.ts';
import { SIDES } from './sides.ts';
import type { SourceKind } from './sources.ts';
import { firstOf, walkedCells } from './walker.ts';

/** A cell of all ports of one shape, which is completed by what only one of them has. */
interface ShapeCell extends Pick<Cell, 'interfaces' | 'sourcePorts'> {
  /** The sources that are no endpoints, with the endpoints between them. */
  readonly around: AddressSet;
  /** The places of the endpoints that are among the sources, and of the others. */
  readonly inside: readonly number[];
  readonly outside: readonly number[];
  /** Null: the port that is dialled. */
  readonly ports: readonly PortSpan[] | null;
  readonly form: OutcomeForm;
}

/** Packets to Services and bindings. One walk answers for all Services of one shape. */
export class DialledSearch {
  readonly #kinds: readonly SourceKind[];
  readonly #numbers: ReadonlyMap<SourceKind, number>;
  readonly #interfaces: readonly InterfaceKind[];
  readonly #outcomes: Outcomes;
  readonly #shapes: Shapes;
  readonly #known = new Map<string, readonly ShapeCell[]>();

  constructor(
    kinds: readonly SourceKind[],
    ground: Ground,
    comparison: Comparison,
    interfaces: readonly InterfaceKind[],
    outcomes: Outcomes,
  ) {
    this.#kinds = kinds;
    this.#numbers = new Map(kinds.map((kind, number) => [kind, number]));
    this.#interfaces = interfaces;
    this.#outcomes = outcomes;
    const choices = {
      before: new Set(kinds.flatMap((kind) => kind.choices.before)),
      after: new Set(kinds.flatMap((kind) => kind.choices.after)),
    };
    const sources = new Places(kinds.map(({ addresses }) => addresses));
    this.#shapes = new Shapes(comparison, sources, new Places(destinationParts(ground, choices)));
  }

  /** The cells whose fate differs. @param asked the kinds of sources that are looked at */
  cells(ports: DialledPorts, asked: readonly SourceKind[] = this.#kinds): Cell[] {
    const shape = this.#shapes.of(ports);
    const kinds = asked === this.#kinds ? 'all' : asked.map((kind) => this.#numbers.get(kind)).join();
    const key = `${kinds} ${shape.key}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.#walk(ports, shape, asked);
      this.#known.set(key, known);
    }
    return known.length === 0 ? [] : this.#placed(known, ports, shape);
  }

  #walk(ports: DialledPorts, { frame, endpoints }: Shape, asked: readonly SourceKind[]): ShapeCell[] {
    const { protocol, span, entry, address } = ports;
    const destinations = destinationOf(address);
    const isRange = span.last > span.first;
    const shifts = {
      before: isRange && entry.before?.kind === 'PodBinding',
      after: isRange && entry.after?.kind === 'PodBinding',
    };
    const reachers = reachersOf(ports, endpoints, this.#kinds, asked);
    const cells = reachers.flatMap(({ kind, addresses: sources }) =>
      (isRange ? cutSpans([span], cutsBehind(ports, kind)) : [span]).flatMap((part) => {
        const walkable = { kind, sources, destinations, protocols: [protocol], ports: [part], shifts };
        return walkedCells(walkable, this.#interfaces, this.#outcomes, frame);
      }),
    );
    return mergedCells(cells).map((cell): ShapeCell => {
      // A merged cell is made up of whole reachers.
      const held = reachers.filter(({ addresses }) => setContains(cell.sources, firstOf(addresses)));
      const inside = new Set(held.flatMap((reacher) => reacher.endpoints ?? []));
      return {
        interfaces: cell.interfaces,
        sourcePorts: cell.sourcePorts,
        ports: isRange ? cell.ports : null,
        around: unionOf(
          cell.sources.family,
          held.flatMap((reacher) => (reacher.endpoints === null ? reacher.around.ranges : [])),
        ),
        inside: [...inside],
        outside: [...endpoints.keys()].filter((place) => !inside.has(place)),
        form: cell.outcome.form,
      };
    });
  }

  #placed(cells: readonly ShapeCell[], ports: DialledPorts, { frame, endpoints }: Shape): Cell[] {
    const destinations = destinationOf(ports.address);
    const spans = [ports.span];
    const protocols = 1 << PROTOCOLS.indexOf(ports.protocol);
    return cells.map((cell): Cell => {
      const { family } = cell.around;
      const others = differenceOf(cell.around, endpointSet(family, endpoints, cell.outside));
      const own = endpointSet(family, endpoints, cell.inside);
      return {
        sources: own.ranges.length === 0 ? others : unionOf(family, [...others.ranges, ...own.ranges]),
        destinations,
        protocols,
        ports: cell.ports ?? spans,
        interfaces: cell.interfaces,
        sourcePorts: cell.sourcePorts,
        outcome: this.#outcomes.in(cell.form, frame),
      };
    });
  }
}

function destinationOf(address: DialledPorts['address']): AddressSet {
  return { family: familyOf(address), ranges: [singleAddress(addressNumber(address))] };
}

/** Where EgressRules for the sources begin to treat the ports of the pod behind a range differently. */
function cutsBehind({ protocol, entry }: DialledPorts, { choices }: SourceKind): number[] {
  const cuts = portCuts(protocol, choices);
  if (cuts.length === 0) return [];
  const behind = SIDES.flatMap((side) => {
    const binding = entry[side];
    if (binding?.kind !== 'PodBinding') return [];
    return cuts.map((cut) => cut - binding.endpoint.port + binding.tuple.port);
  });
  return [...new Set(behind)].sort((a, b) => a - b);
}
