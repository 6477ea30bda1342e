/** Cuts a text longer than `length` characters and appends `…`. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/**
 * As `shortened`, in bytes of UTF-8: an Event's note may have 1,024 of them
 * (https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/events.go).
 */
export function shortenedToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const encoded = Buffer.from(text);
  let end = bytes - Buffer.byteLength('…');
  // Do not cut inside a character: its later bytes begin with the bits 10.
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${encoded.subarray(0, end).toString('utf8')}…`;
}
