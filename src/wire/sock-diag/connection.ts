import { FAMILIES, type Family } from '../../net/family.ts';
import { PROTOCOLS, type Protocol } from '../../net/protocol.ts';
import { ByteWriter } from '../bytes.ts';
import { Rejected } from '../errors.ts';
import { beginMessage, endMessage, NLM_F_DUMP, NLM_F_REQUEST } from '../messages.ts';
import { request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import { readSocket, SOCK_DIAG_BY_FAMILY, type TakingSocket, writeDumpRequest } from './message.ts';

/** Reads the sockets of the network namespace in which it was opened. */
export class SockDiagConnection {
  readonly #socket: NetlinkSocket;
  #sequence = 1;

  static open(): SockDiagConnection {
    return new SockDiagConnection(NetlinkSocket.open('NETLINK_SOCK_DIAG'));
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * All sockets that take what strangers send to their port: TCP and SCTP listeners, UDP sockets that are not connected.
   * None of a protocol that this kernel does not have (SCTP is a module that most machines never load; asking does not
   * load it). Throws the errors of errors.ts; Busy: read again.
   */
  takingSockets(): TakingSocket[] {
    return PROTOCOLS.flatMap((protocol) => FAMILIES.flatMap((family) => this.#dump(family, protocol)));
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #dump(family: Family, protocol: Protocol): TakingSocket[] {
    const sequence = this.#sequence++;
    const writer = new ByteWriter();
    const start = beginMessage(writer, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    writeDumpRequest(writer, family, protocol);
    endMessage(writer, start);
    const found: TakingSocket[] = [];
    try {
      request(
        this.#socket,
        writer.written,
        sequence,
        `SOCK_DIAG_BY_FAMILY ${family} ${protocol}`,
        (message) => {
          const one = readSocket(message, protocol);
          if (one !== null) found.push(one);
        },
      );
    } catch (error) {
      if (error instanceof Rejected && error.errno === 'ENOENT' && protocol === 'SCTP') return [];
      throw error;
    }
    return found;
  }
}
