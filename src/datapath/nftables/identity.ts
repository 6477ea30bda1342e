import type { Comparison } from '../../delta/delta.ts';
import type { PlacedElement } from './element.ts';

/** Elements are one when family, set, keys and kind of bound are; they are the same when their value is too. */
export const elementComparison: Comparison<PlacedElement> = {
  identity: ({ family, set, element }) => {
    const { key, keyEnd, intervalEnd } = element;
    const bound = `${intervalEnd === true ? '<' : ''}${keyEnd === undefined ? '' : latin1(keyEnd)}`;
    return `${family} ${set} ${latin1(key)}${bound}`;
  },
  value: ({ element: { data, verdict } }) =>
    data !== undefined ? latin1(data) : verdict === undefined ? '' : `${verdict.code} ${verdict.chain ?? ''}`,
};

/** Bytes as a string of the same length: the cheapest key of a Map. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
