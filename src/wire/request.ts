/** One request and its answers. The sequence number identifies late answers to an earlier request. */
import { Busy, type Failure, failureOf, type KernelError, kernelError, malformed } from './errors.ts';
import {
  complaintOf,
  type Message,
  messageAt,
  messagesOf,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  nextAfter,
} from './messages.ts';
import type { Received } from './socket.ts';

export interface Transport {
  send(bytes: Uint8Array): void;
  receive(): Received;
  wait(milliseconds: number): boolean;
}

/** Milliseconds to wait for an answer. Answers are queued before `send` returns, so a timeout means a broken kernel. */
const PATIENCE = 2000;

/**
 * Sends a request with NLM_F_ACK or NLM_F_DUMP and calls back for each message of the answer, which is valid only
 * during the call. Throws the kernel's error; Busy when a change interrupted a dump, or answers were lost. After an
 * error, also one of `visit`, the socket is drained and ready for the next request.
 */
export function request(
  transport: Transport,
  bytes: Uint8Array,
  sequence: number,
  subject: string,
  visit: (message: Message) => void = () => {},
): void {
  const answer = answers(transport, bytes, sequence, subject, visit);
  while (answer.next().done !== true);
}

/** As `request`, one datagram in each step. A caller that stops early must close the socket. */
export function* answers(
  transport: Transport,
  bytes: Uint8Array,
  sequence: number,
  subject: string,
  visit: (message: Message) => void,
): Generator<undefined, void, undefined> {
  transport.send(bytes);
  let failed: { error: unknown } | null = null;
  let interrupted = false;
  for (;;) {
    const received = receive(transport, subject);
    for (const message of messagesOf(received)) {
      if (message.sequence !== sequence) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        const complaint = complaintOf(message);
        if (failed !== null) throw failed.error;
        if (complaint !== null) throw kernelError([{ subject, ...complaint }]);
        if (interrupted) throw new Busy(failureOf(subject, 'EINTR', 'the dump was interrupted by a change'));
        return;
      }
      if (failed !== null) continue;
      try {
        visit(message);
      } catch (error) {
        failed = { error };
      }
    }
    yield;
  }
}

/**
 * Sends requests with the sequence numbers `first` to `last`, of which only the last has NLM_F_ACK, and returns the errors
 * of those that failed. Throws Busy when answers were lost or none arrives.
 */
export function requestAll(
  transport: Transport,
  bytes: Uint8Array,
  first: number,
  last: number,
  subject: string,
): KernelError[] {
  transport.send(bytes);
  const errors: KernelError[] = [];
  for (;;) {
    for (const message of messagesOf(receive(transport, subject))) {
      const { type, sequence } = message;
      if (type !== NLMSG_ERROR || sequence < first || sequence > last) continue;
      const complaint = complaintOf(message);
      if (complaint !== null) errors.push(kernelError([{ subject, ...complaint }]));
      if (sequence === last) return errors;
    }
  }
}

/** Throws Busy when answers were lost or none arrives. */
export function receive(transport: Transport, subject: string): Uint8Array {
  let received = transport.receive();
  if (received === 'nothing') {
    transport.wait(PATIENCE);
    received = transport.receive();
  }
  if (received === 'nothing') throw new Busy(failureOf(subject, 'ETIMEDOUT', 'the kernel does not answer'));
  if (received === 'overrun') throw new Busy(failureOf(subject, 'ENOBUFS', 'answers were lost'));
  if (received.length === 0) throw malformed(`${subject}: empty datagram`);
  return received;
}

/**
 * Sends a batch; `first` is the sequence number of its begin message, `last` that of the last change, which alone asks
 * for an acknowledgement. Throws with all failed messages, or with the refusal of the whole batch, which the kernel
 * answers to the begin. Lost answers do not matter if the last one arrived.
 */
export function transact(
  transport: Transport,
  bytes: Uint8Array,
  first: number,
  last: number,
  describe: (index: number, offset: number | null) => string,
): void {
  transport.send(bytes);
  const failures: Failure[] = [];
  let lost = false;
  let done = false;
  while (!done) {
    let received = transport.receive();
    if (received === 'overrun') {
      lost = true;
      continue;
    }
    if (received === 'nothing' && !lost && transport.wait(PATIENCE)) received = transport.receive();
    if (typeof received === 'string') break;
    for (let at = 0, message = messageAt(received, at); message !== null; message = messageAt(received, at)) {
      at = nextAfter(message);
      if (message.type !== NLMSG_ERROR || message.sequence < first || message.sequence > last) continue;
      const complaint = complaintOf(message);
      const index = message.sequence - first;
      if (complaint !== null) failures.push({ subject: describe(index, complaint.offset), ...complaint });
      if (message.sequence === last || index === 0) done = true;
    }
  }
  const [failure, ...others] = failures;
  if (failure !== undefined) throw kernelError([failure, ...others]);
  if (done) return;
  const subject = describe(0, null);
  if (lost) throw new Busy(failureOf(subject, 'ENOBUFS', 'answers were lost'));
  throw new Busy(failureOf(subject, 'ETIMEDOUT', 'the kernel does not answer'));
}
