/**
 * DER (ITU-T X.690), as far as certificates need it. Every function returns the bytes of one value with its tag and
 * length; nothing is read.
 */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function value(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return value(TAG.sequence, ...parts);
}

export function setOf(...parts: readonly Uint8Array[]): Uint8Array {
  return value(TAG.set, ...parts);
}

/** @param bytes big-endian and not negative */
export function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const shortest = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return value(TAG.integer, ...((shortest[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), shortest);
}

/** @param text `1.2.840.10045.4.3.2` */
export function objectIdentifier(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const digits = [part & 0x7f];
    for (let more = part >>> 7; more > 0; more >>>= 7) digits.unshift(0x80 | (more & 0x7f));
    return digits;
  });
  return value(TAG.objectIdentifier, Uint8Array.from(bytes));
}

export function utf8String(text: string): Uint8Array {
  return value(TAG.utf8String, Buffer.from(text, 'utf8'));
}

export function octetString(content: Uint8Array): Uint8Array {
  return value(TAG.octetString, content);
}

/** @param unused bits at the end that do not count */
export function bitString(content: Uint8Array, unused = 0): Uint8Array {
  return value(TAG.bitString, Uint8Array.of(unused), content);
}

export function truth(): Uint8Array {
  return value(TAG.boolean, Uint8Array.of(0xff));
}

/** To the second; from 2050 on in the longer form (RFC 5280, 4.1.2.5). @param time milliseconds since the epoch */
export function time(time: number): Uint8Array {
  const digits = new Date(time).toISOString().replace(/[-:T]|\.\d+/g, '');
  return digits < '2050'
    ? value(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : value(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}

/** A constructed value with a tag of its context. */
export function tagged(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return value(0xa0 | number, ...parts);
}

/** A primitive value with a tag of its context, in place of its own tag. */
export function taggedBytes(number: number, content: Uint8Array): Uint8Array {
  return value(0x80 | number, content);
}
