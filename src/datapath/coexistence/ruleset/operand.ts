import type { PassingPacket } from '../../../netfilter/packet.ts';
import type { Bits } from './bits.ts';
import type { ValueType } from './value-text.ts';

/** What a rule loads into a register. */
export interface Operand {
  /** As nft writes it: `ip saddr`, `meta mark`. */
  readonly text: string;
  readonly type: ValueType;
  readonly length: number;
  /** Only these bits are left of it. */
  readonly mask?: Uint8Array;
  /** Null: it cannot be loaded, and the rule does not match. */
  read(packet: PassingPacket): Bits | null;
}
