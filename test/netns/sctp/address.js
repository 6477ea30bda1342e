/** IP addresses as bytes, for a program that must run without the types of the sources. */

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function addressBytes(text) {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const { hostname } = new URL(`http://[${text}]`); // in the one shortest form, without a dotted ending
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::');
  const groups = (/** @type {string} */ half) =>
    half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail)];
  const all = [...left, ...new Array(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function addressFromBytes(bytes) {
  if (bytes.length === 4) return bytes.join('.');
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
