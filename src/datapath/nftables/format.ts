import { endianness } from 'node:os';
import { addressFromBytes } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { addressLength, type PlacedElement } from './element.ts';
import { nftFamily } from './ruleset/text.ts';
import { INTERFACE_SETS, type SetName } from './sets.ts';
import { TABLE } from './skeleton.ts';
import { LIST_NAME_BYTES } from './source-lists.ts';

/** `ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }` */
export function formatPlaced({ family, set, element }: PlacedElement): string {
  const { key, keyEnd, intervalEnd, data, verdict } = element;
  if (isInterfaceSet(set)) return `${nftFamily[family]} ${TABLE} ${set} { ${formatName(key, keyEnd)} }`;
  const place = formatRangeOf(family, set, element);
  const value =
    data !== undefined
      ? ` : ${formatValue(family, set, data)}`
      : verdict !== undefined
        ? ` : ${verdict.code}${verdict.chain === undefined ? '' : ` ${verdict.chain}`}`
        : '';
  return `${nftFamily[family]} ${TABLE} ${set} { ${intervalEnd === true ? 'before ' : ''}${place}${value} }`;
}

/** Of a range, each field that differs in its two ends with both of them. */
function formatRangeOf(family: Family, set: SetName, { key, keyEnd }: SetElement): string {
  const first = formatKey(family, set, key);
  if (keyEnd === undefined) return first;
  const last = formatKey(family, set, keyEnd).split(' . ');
  return first
    .split(' . ')
    .map((text, index) => (text === last[index] ? text : `${text}-${last[index]}`))
    .join(' . ');
}

function isInterfaceSet(set: PlacedElement['set']): boolean {
  return (INTERFACE_SETS as readonly PlacedElement['set'][]).includes(set);
}

/** A range of names as nft has it: `"cni0"`, `"cali*"`. */
function formatName(first: Uint8Array, last: Uint8Array | undefined): string {
  const name = Buffer.from(first).toString().replace(/\0+$/, '');
  return `"${name}${last?.at(-1) === 0xff ? '*' : ''}"`;
}

function formatValue(family: Family, set: PlacedElement['set'], data: Uint8Array): string {
  if (set === 'source_ports' || set === 'egress_ports')
    return `${networkPort(data, 0)}-${networkPort(data, 4)}`;
  if (set.startsWith('restricted')) return Buffer.from(data).toString('hex');
  if (set === 'binding_ranges' || set === 'pod_port_ranges') {
    const half = data.length / 2;
    return `${formatKey(family, 'value', data.subarray(0, half))}-${networkPort(data, data.length - 4)}`;
  }
  if (set.startsWith('affinity_ids_')) return `0x${hostNumber(data, 0).toString(16)}`;
  return formatKey(family, set === 'pod_sources' ? 'cluster_ips' : 'value', data);
}

function hostNumber(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, endianness() === 'LE');
}

function networkPort(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** The fields of a key or value in the order of the set's declaration. */
function formatKey(family: Family, set: PlacedElement['set'] | 'value', bytes: Uint8Array): string {
  if (set === 'same_byte') return `${bytes[0]} . ${bytes[4]}`;
  if (set === 'source_ports' || set === 'egress_ports') {
    const protocol = protocolFromNumber(bytes[0] ?? 0)?.toLowerCase() ?? String(bytes[0]);
    return `${protocol} . ${Buffer.from(bytes).readUInt32BE(4)}`;
  }
  if (set === 'allowed_sources') {
    const end = bytes.length - LIST_NAME_BYTES;
    return `${addressFromBytes(bytes.subarray(0, end))} . ${Buffer.from(bytes.subarray(end)).toString('hex')}`;
  }
  const length = addressLength(family);
  const texts: string[] = [addressFromBytes(bytes.subarray(0, length))];
  let at = length;
  if (set.startsWith('egress_to')) {
    texts.push(addressFromBytes(bytes.subarray(at, at + length)));
    at += length;
  }
  const rest = bytes.length - at;
  if (rest >= 8 || set === 'pod_sources') {
    texts.push(protocolFromNumber(bytes[at] ?? 0)?.toLowerCase() ?? String(bytes[at]));
    at += 4;
  }
  if (at < bytes.length) {
    texts.push(String(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)));
    at += 4;
  }
  if (at < bytes.length) {
    const number = hostNumber(bytes, at);
    texts.push(set === 'affinity_endpoints' ? `0x${number.toString(16)}` : String(number));
  }
  return texts.join(' . ');
}
