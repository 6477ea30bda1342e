import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import { countPorts } from '../../net/port.ts';
import { PROTOCOLS, protocolNumber } from '../../net/protocol.ts';
import type { FreePorts, SourcePorts } from '../../plan/entry.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import type { SetName } from './sets.ts';
import { DRAWN } from './words.ts';

interface SourcePortElement {
  readonly family: Family;
  readonly set: SetName;
  readonly element: SetElement;
}

/** The ranges of free ports, by the random numbers that choose them. */
export function sourcePortElements({ family, any, egress }: SourcePorts): SourcePortElement[] {
  const of = (set: SetName, ports: FreePorts): SourcePortElement[] =>
    PROTOCOLS.flatMap((protocol) =>
      shares(ports[protocol]).map(({ span, draws }): SourcePortElement => {
        const key = (draw: number) => {
          const bytes = new Uint8Array(8);
          bytes[0] = protocolNumber[protocol];
          new DataView(bytes.buffer).setUint32(4, draw);
          return bytes;
        };
        const data = new Uint8Array(8);
        const view = new DataView(data.buffer);
        view.setUint16(0, span.first);
        view.setUint16(4, span.last);
        return { family, set, element: { key: key(draws.first), keyEnd: key(draws.last), data } };
      }),
    );
  return [...of('source_ports', any), ...of('egress_ports', egress ?? any)];
}

interface Share {
  readonly span: PortSpan;
  readonly draws: PortSpan;
}

/** All numbers from 0 to DRAWN - 1, to each range as many as it has ports of all. There are no more ports than numbers. */
function shares(spans: readonly PortSpan[]): Share[] {
  const all = countPorts(spans);
  let ports = 0;
  let next = 0;
  return spans.map((span) => {
    ports += span.last - span.first + 1;
    const first = next;
    next = Math.floor((DRAWN * ports) / all);
    return { span, draws: { first, last: next - 1 } };
  });
}
