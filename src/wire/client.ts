import { ByteWriter } from './bytes.ts';
import { beginMessage, endMessage, type Message, NLM_F_REQUEST } from './messages.ts';
import { answers, request } from './request.ts';
import { NetlinkSocket } from './socket.ts';

export interface Asked {
  readonly type: number;
  /** `NLM_F_ACK` or `NLM_F_DUMP`, possibly with more flags; `NLM_F_REQUEST` is added. */
  readonly flags: number;
  /** For messages: `RTM_GETLINK`. */
  readonly subject: string;
  write(writer: ByteWriter): void;
}

/** A connection with one request at a time. Synchronous; throws the errors of errors.ts. */
export abstract class NetlinkClient {
  protected readonly socket: NetlinkSocket;
  protected sequence = 1;

  constructor(...options: Parameters<typeof NetlinkSocket.open>) {
    this.socket = NetlinkSocket.open(...options);
  }

  /** May be called again. */
  close(): void {
    this.socket.close();
  }

  /** As `close`, without waiting for the kernel. */
  retire(): void {
    this.socket.retire();
  }

  /** As `request` of request.ts. */
  protected request(asked: Asked, visit?: (message: Message) => void): void {
    const sequence = this.sequence++;
    request(this.socket, bytesOf(asked, sequence), sequence, asked.subject, visit);
  }

  /** The results of `read` for each message of the answer, without null. */
  protected collect<Found>(asked: Asked, read: (message: Message) => Found | null): Found[] {
    const found: Found[] = [];
    this.request(asked, (message) => {
      const one = read(message);
      if (one !== null) found.push(one);
    });
    return found;
  }

  /** As `answers` of request.ts. */
  protected answers(asked: Asked, visit: (message: Message) => void): Generator<undefined, void, undefined> {
    const sequence = this.sequence++;
    return answers(this.socket, bytesOf(asked, sequence), sequence, asked.subject, visit);
  }
}

function bytesOf({ type, flags, write }: Asked, sequence: number): Uint8Array {
  const writer = new ByteWriter();
  const start = beginMessage(writer, type, NLM_F_REQUEST | flags, sequence);
  write(writer);
  endMessage(writer, start);
  return writer.written;
}
