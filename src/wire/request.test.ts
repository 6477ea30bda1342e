import { describe, expect, test } from 'vitest';
import { ByteWriter } from './bytes.ts';
import { Busy, Denied, Rejected } from './errors.ts';
import { beginMessage, endMessage, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from './messages.ts';
import { request, type Transport, transact } from './request.ts';
import type { Received } from './socket.ts';

/** A kernel that has these answers ready when something is sent. */
function kernel(...answers: readonly Received[]): Transport & { readonly left: Received[] } {
  const left = [...answers];
  return { left, send: () => {}, receive: () => left.shift() ?? 'nothing', wait: () => left.length > 0 };
}

function message(
  type: number,
  sequence: number,
  payload: Uint8Array = new Uint8Array(0),
  flags = 0,
): Uint8Array {
  const writer = new ByteWriter();
  const start = beginMessage(writer, type, flags, sequence);
  writer.raw(payload);
  endMessage(writer, start);
  return writer.written;
}

function failure(sequence: number, errno: number): Uint8Array {
  const payload = new Uint8Array(20);
  new DataView(payload.buffer).setInt32(0, -errno, true);
  return message(NLMSG_ERROR, sequence, payload);
}

const done = (sequence: number) => message(NLMSG_DONE, sequence, new Uint8Array(4));
const nothing = new Uint8Array(0);

describe('request', () => {
  const seen = (transport: Transport, sequence = 5) => {
    const types: number[] = [];
    request(transport, nothing, sequence, 'test', (one) => types.push(one.type));
    return types;
  };

  test('visits the messages of its sequence number until the end', () => {
    expect(seen(kernel(message(20, 4), message(21, 5), message(22, 5), done(5)))).toEqual([21, 22]);
  });

  test('throws what the kernel answers, with the subject', () => {
    expect(() => seen(kernel(failure(5, 2)))).toThrow(/^test: ENOENT$/);
    expect(() => seen(kernel(failure(5, 2)))).toThrow(Rejected);
    expect(() => seen(kernel(failure(5, 1)))).toThrow(Denied);
  });

  test('is Busy after an interrupted dump, once all of it is read', () => {
    const transport = kernel(message(20, 5, nothing, NLM_F_DUMP_INTR), done(5));
    expect(() => seen(transport)).toThrow(Busy);
    expect(transport.left).toEqual([]);
  });

  test('is Busy when answers were lost or none comes', () => {
    expect(() => seen(kernel('overrun'))).toThrow(/ENOBUFS/);
    expect(() => seen(kernel())).toThrow(/ETIMEDOUT/);
  });

  test('drains the socket before it throws what the visitor threw', () => {
    const transport = kernel(message(20, 5), message(20, 5), done(5));
    let visits = 0;
    const visit = () => {
      visits++;
      throw new Error('mine');
    };
    expect(() => request(transport, nothing, 5, 'test', visit)).toThrow('mine');
    expect(visits).toBe(1);
    expect(transport.left).toEqual([]);
  });
});

describe('transact', () => {
  const describeChange = (index: number) => `change ${index}`;
  const run = (transport: Transport) => transact(transport, nothing, 10, 13, describeChange);

  test('ends with the acknowledgement of the last change', () => {
    expect(() => run(kernel(failure(9, 2), failure(13, 0)))).not.toThrow();
  });

  test('reports every change that failed', () => {
    const transport = kernel(failure(11, 17), failure(12, 2), failure(13, 0));
    expect(() => run(transport)).toThrow(
      expect.objectContaining({
        code: 'KNAT_KERNEL_REJECTED',
        errno: 'EEXIST',
        failures: [
          { subject: 'change 1', errno: 'EEXIST', extendedAck: null, offset: null },
          { subject: 'change 2', errno: 'ENOENT', extendedAck: null, offset: null },
        ],
      }),
    );
  });

  test('takes an answer to the begin message as one to the whole batch', () => {
    expect(() => run(kernel(failure(10, 85)))).toThrow(Busy);
  });

  test('succeeds when answers were lost but the last one arrived', () => {
    expect(() => run(kernel('overrun', failure(13, 0)))).not.toThrow();
    expect(() => run(kernel('overrun'))).toThrow(/ENOBUFS/);
    expect(() => run(kernel('overrun', failure(11, 17)))).toThrow(/EEXIST/);
    expect(() => run(kernel())).toThrow(/ETIMEDOUT/);
  });
});
