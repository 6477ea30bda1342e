import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './bytes.ts';
import { Malformed } from './errors.ts';
import {
  beginMessage,
  complaintOf,
  endMessage,
  type Message,
  messagesOf,
  NLMSG_DONE,
  NLMSG_ERROR,
  readNfgenmsg,
  writeNfgenmsg,
} from './messages.ts';

function datagram(...messages: readonly { type: number; flags?: number; payload: Uint8Array }[]): Uint8Array {
  const writer = new ByteWriter();
  for (const [index, { type, flags = 0, payload }] of messages.entries()) {
    const start = beginMessage(writer, type, flags, index + 1);
    writer.raw(payload);
    endMessage(writer, start);
  }
  return writer.written;
}

function only(bytes: Uint8Array): Message {
  const [message, ...others] = [...messagesOf(bytes)];
  if (message === undefined || others.length > 0) throw new Error('not one message');
  return message;
}

describe('messagesOf', () => {
  test('gives back what was framed', () => {
    const arbitrary = fc.array(
      fc.record({ type: fc.nat(65535), flags: fc.nat(65535), payload: fc.uint8Array({ maxLength: 50 }) }),
    );
    fc.assert(
      fc.property(arbitrary, (sent) => {
        const got = [...messagesOf(datagram(...sent))];
        expect(
          got.map(({ type, flags, bytes, start, end }) => ({
            type,
            flags,
            payload: bytes.slice(start, end),
          })),
        ).toEqual(sent);
        expect(got.map((message) => message.sequence)).toEqual(sent.map((_, index) => index + 1));
      }),
    );
  });

  test('of random bytes is Malformed or ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          for (const message of messagesOf(bytes)) expect(message.end).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
    );
  });
});

describe('complaintOf', () => {
  const request = new Uint8Array(16);
  const errno = (number: number) => new Uint8Array(Int32Array.of(-number).buffer);
  const bytes = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const text = (type: number, value: string) =>
    bytes(Uint8Array.of(4 + value.length + 1, 0, type, 0), Buffer.from(`${value}\0`));
  const offset = Uint8Array.of(8, 0, 2, 0, 44, 0, 0, 0);

  test('is null for an acknowledgement and the end of a dump', () => {
    expect(complaintOf(only(datagram({ type: NLMSG_ERROR, payload: bytes(errno(0), request) })))).toBeNull();
    expect(complaintOf(only(datagram({ type: NLMSG_DONE, payload: errno(0) })))).toBeNull();
  });

  test('has the text and the offset behind a capped request', () => {
    const payload = bytes(errno(17), request, offset, text(1, 'Oh, dear!!!'));
    expect(complaintOf(only(datagram({ type: NLMSG_ERROR, flags: 0x300, payload })))).toEqual({
      errno: 'EEXIST',
      extendedAck: 'Oh, dear!!!',
      offset: 44,
    });
  });

  test('finds them behind a whole request', () => {
    const whole = new Uint8Array(20);
    whole[0] = 20;
    const payload = bytes(errno(2), whole, text(1, 'abc'));
    expect(complaintOf(only(datagram({ type: NLMSG_ERROR, flags: 0x200, payload })))).toMatchObject({
      errno: 'ENOENT',
      extendedAck: 'abc',
    });
  });

  test('knows the errno of a dump, and one that POSIX has not', () => {
    expect(complaintOf(only(datagram({ type: NLMSG_DONE, payload: errno(1) })))?.errno).toBe('EPERM');
    expect(
      complaintOf(only(datagram({ type: NLMSG_ERROR, payload: bytes(errno(85), request) })))?.errno,
    ).toBe('ERESTART');
    expect(
      complaintOf(only(datagram({ type: NLMSG_ERROR, payload: bytes(errno(4000), request) })))?.errno,
    ).toBe('E4000');
  });

  test('of random bytes is Malformed or a complaint', () => {
    fc.assert(
      fc.property(fc.nat(0x300), fc.uint8Array({ maxLength: 80 }), (flags, payload) => {
        try {
          complaintOf(only(datagram({ type: NLMSG_ERROR, flags, payload })));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
    );
  });
});

test('nfgenmsg has the family and the resource id in network order', () => {
  const writer = new ByteWriter();
  const start = beginMessage(writer, 16, 1, 7);
  writeNfgenmsg(writer, 2, 10);
  endMessage(writer, start);
  expect([...writer.written]).toEqual([20, 0, 0, 0, 16, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 10]);
  expect(readNfgenmsg(only(writer.written))).toEqual({ family: 2, resourceId: 10 });
});
