import { ByteWriter } from './bytes.ts';
import type { KernelError } from './errors.ts';
import { beginMessage, endMessage, type Message, NLM_F_REQUEST } from './messages.ts';
import { answers, request, requestAll } from './request.ts';
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

  /** Sends requests without answers in one datagram; only the last has NLM_F_ACK. Returns the errors of those that fail. */
  protected requestAll(asked: readonly Asked[]): KernelError[] {
    const [first] = asked;
    if (first === undefined) return [];
    const from = this.sequence;
    const writer = new ByteWriter(asked.length * 128);
    for (const one of asked) write(writer, one, this.sequence++);
    return requestAll(this.socket, writer.written, from, this.sequence - 1, first.subject);
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

function bytesOf(asked: Asked, sequence: number): Uint8Array {
  const writer = new ByteWriter();
  write(writer, asked, sequence);
  return writer.written;
}

function write(writer: ByteWriter, { type, flags, write: content }: Asked, sequence: number): void {
  const start = beginMessage(writer, type, NLM_F_REQUEST | flags, sequence);
  content(writer);
  endMessage(writer, start);
}
