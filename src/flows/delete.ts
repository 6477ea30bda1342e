import type { FlowReport } from '../forms/flows.ts';
import { familyOf, type IpAddress, parseAddress } from '../net/address.ts';
import { ConntrackConnection } from '../wire/conntrack/connection.ts';
import { protocolNumberOf } from './protocol-names.ts';

/** Deletes reported flows, never a later flow of the same addresses. Needs CAP_NET_ADMIN. */
export class FlowDeleter {
  readonly #connection = new ConntrackConnection();

  /** False when the flow has already ended. Throws TypeError for a protocol without ports. */
  delete({ protocol, original, id, zone }: FlowReport): boolean {
    const number = protocolNumberOf(protocol);
    const [source, destination] = [endOf(original.source), endOf(original.destination)];
    if (number === null || source === null || destination === null) {
      throw new TypeError(`${protocol} ${original.source}: no flow that can be ended by its ports`);
    }
    return this.#connection.delete({
      family: familyOf(source.address),
      protocol: number,
      original: {
        src: source.address,
        sport: source.port,
        dst: destination.address,
        dport: destination.port,
      },
      id,
      zone,
    });
  }

  close(): void {
    this.#connection.close();
  }
}

function endOf(text: string): { readonly address: IpAddress; readonly port: number } | null {
  const parts = /^(?:\[(.+)\]|([^[\]:]+)):(\d+)$/.exec(text);
  const address = parseAddress(parts?.[1] ?? parts?.[2] ?? '');
  return address === null ? null : { address, port: Number(parts?.[3]) };
}
