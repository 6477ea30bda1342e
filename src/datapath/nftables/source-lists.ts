import { createHash } from 'node:crypto';
import { type AddressSet, formatRange } from '../../net/ranges.ts';
import { LIST_NAME_BYTES } from './fields.ts';

const names = new WeakMap<AddressSet, Uint8Array>();

/**
 * The name of a list of sources in the kernel: a hash of what is in it and of nothing else, so that equal lists are one, and a
 * restart finds them again. Two different lists of one name: by chance with p < 2^-30 among 100,000 lists; on purpose a list
 * of one's own that is named as a given other one takes 2^64 tries.
 */
export function listName(sources: AddressSet): Uint8Array {
  let name = names.get(sources);
  if (name === undefined) {
    const text = sources.ranges.map((range) => formatRange(sources.family, range)).join();
    name = createHash('sha256').update(`${sources.family} ${text}`).digest().subarray(0, LIST_NAME_BYTES);
    names.set(sources, name);
  }
  return name;
}
