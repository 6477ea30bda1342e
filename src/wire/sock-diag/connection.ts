import { FAMILIES, type Family } from '../../net/family.ts';
import { PROTOCOLS, type Protocol } from '../../net/protocol.ts';
import type { ByteWriter } from '../bytes.ts';
import { NetlinkClient } from '../client.ts';
import { Rejected } from '../errors.ts';
import { NLM_F_DUMP } from '../messages.ts';
import { readSocket, SOCK_DIAG_BY_FAMILY, type TakingSocket, writeDumpRequest } from './message.ts';

/** Reads the sockets of the network namespace in which it was opened. */
export class SockDiagConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_SOCK_DIAG');
  }

  /**
   * All sockets that accept packets from any peer: TCP and SCTP listeners, unconnected UDP sockets. Empty for a
   * protocol that this kernel lacks (asking does not load the SCTP module). Throws the errors of errors.ts; Busy: read
   * again.
   */
  takingSockets(): TakingSocket[] {
    return PROTOCOLS.flatMap((protocol) => FAMILIES.flatMap((family) => this.#dump(family, protocol)));
  }

  #dump(family: Family, protocol: Protocol): TakingSocket[] {
    const asked = {
      type: SOCK_DIAG_BY_FAMILY,
      flags: NLM_F_DUMP,
      subject: `SOCK_DIAG_BY_FAMILY ${family} ${protocol}`,
      write: (writer: ByteWriter) => writeDumpRequest(writer, family, protocol),
    };
    try {
      return this.collect(asked, (message) => readSocket(message, protocol));
    } catch (error) {
      if (error instanceof Rejected && error.errno === 'ENOENT' && protocol === 'SCTP') return [];
      throw error;
    }
  }
}
