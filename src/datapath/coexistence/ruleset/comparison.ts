import type { PassingPacket } from '../../../netfilter/packet.ts';
import { not, type Truth } from '../../../netfilter/truth.ts';
import { compared, equals } from './bits.ts';
import type { Operand } from './operand.ts';
import { valueText } from './value-text.ts';

/** `enum nft_cmp_ops`. */
const OPERATIONS = ['==', '!=', '<', '<=', '>', '>='] as const;

/** A comparison of what a register holds, or with `last` whether it lies between the two values. */
export function comparison(
  operand: Operand,
  operation: number,
  value: Uint8Array,
  last?: Uint8Array,
): { readonly text: string; holds(packet: PassingPacket): Truth } {
  const sign = OPERATIONS[operation] ?? '==';
  const bits = someBits(operand, value);
  const text =
    bits === null
      ? `${operand.text} ${sign === '==' ? '' : `${sign} `}${textOf(operand, value, last)}`
      : `${operand.text} ${sign === '!=' ? '' : '! '}${bits}`;
  const holds = (packet: PassingPacket): Truth => {
    const found = operand.read(packet);
    if (found === null) return false;
    if (last !== undefined) {
      const [from, to] = [compared(found, value), compared(found, last)];
      if (typeof from === 'string' || typeof to === 'string') return found.why;
      return (from >= 0 && to <= 0) === (sign === '==');
    }
    if (sign === '==') return equals(found, value);
    if (sign === '!=') return not(equals(found, value));
    const order = compared(found, value);
    if (typeof order === 'string') return order;
    return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[sign];
  };
  return { text, holds };
}

/** `new,established`: what is compared with zero are these bits of a state; null: it is no such comparison. */
function someBits({ type, mask }: Operand, value: Uint8Array): string | null {
  if (mask === undefined || (type !== 'state' && type !== 'status')) return null;
  return value.every((byte) => byte === 0) ? valueText(type, mask) : null;
}

function textOf({ type, mask }: Operand, value: Uint8Array, last: Uint8Array | undefined): string {
  if (last !== undefined) return `${valueText(type, value)}-${valueText(type, last)}`;
  if (mask === undefined) return valueText(type, value);
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const ones = bits.indexOf('0');
  const isPrefix = type === 'address' && !bits.slice(ones).includes('1');
  if (isPrefix) return valueText(type, value, ones === -1 ? bits.length : ones);
  return `& ${valueText('bytes', mask)} ${valueText(type, value)}`;
}
