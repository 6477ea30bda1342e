import type { Packet } from '../explain/packet.ts';
import { addressFromNumber } from '../net/address.ts';
import { type PortSpan, parsePort } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import type { AddressRange, AddressSet } from '../net/ranges.ts';
import type { Cell } from './cell.ts';
import type { Frame } from './frame.ts';
import type { InterfaceKind } from './interfaces.ts';
import type { Outcomes } from './outcome.ts';
import type { Both } from './sides.ts';
import type { SourceKind } from './sources.ts';

/** Everything of a cell but its sources' interface and port. */
export interface Walkable {
  readonly kind: SourceKind;
  readonly sources: AddressSet;
  readonly destinations: AddressSet;
  /** Treated alike. */
  readonly protocols: readonly Protocol[];
  readonly ports: readonly PortSpan[];
  readonly shifts?: Both<boolean>;
}

/** Walks one packet of each interface and source port that matter. The cells whose fate differs, not merged. */
export function walkedCells(
  { kind, sources, destinations, protocols, ports, shifts }: Walkable,
  interfaces: readonly InterfaceKind[],
  outcomes: Outcomes,
  frame: Frame,
): Cell[] {
  const [protocol] = protocols;
  const port = parsePort(ports[0]?.first ?? 0);
  if (port === null || protocol === undefined) return [];
  const source = firstOf(sources);
  const destination = firstOf(destinations);
  return interfaces.flatMap(({ bit, representative: inputInterface }) =>
    kind.sourcePorts(protocol).flatMap(({ spans, representative: sourcePort }): Cell[] => {
      const packet: Packet = {
        source,
        destination,
        protocol,
        port,
        ...(inputInterface === undefined ? {} : { inputInterface }),
        ...(sourcePort === undefined ? {} : { sourcePort }),
      };
      const form = outcomes.formOf(packet, frame, shifts);
      if (form === null) return [];
      return [
        {
          sources,
          destinations,
          protocols: protocols.reduce((bits, one) => bits | (1 << PROTOCOLS.indexOf(one)), 0),
          ports,
          interfaces: bit,
          sourcePorts: spans,
          outcome: outcomes.in(form, frame),
        },
      ];
    }),
  );
}

export function firstOf({ family, ranges }: AddressSet) {
  return addressFromNumber(family, (ranges[0] as AddressRange).first);
}
