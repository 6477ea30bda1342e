import { type Bits, joined, part, unknownBits } from './bits.ts';
import type { Operand } from './operand.ts';

interface Held {
  readonly operand: Operand;
  /** Which bytes of it the register has. */
  readonly offset: number;
}

const NFT_REG32_00 = 8;

/** The index of a 4-byte register by the kernel's number: the 16-byte registers 1 to 4, or 8 to 23. */
function indexOf(number: number): number {
  return number < NFT_REG32_00 ? (number - 1) * 4 : number - NFT_REG32_00;
}

/** What the registers hold after the expressions of a rule so far: not values, but how to get them from a packet. */
export class Registers {
  readonly #held: (Held | undefined)[] = [];

  load(number: number, operand: Operand): void {
    const first = indexOf(number);
    for (let at = 0; at < operand.length; at += 4) this.#held[first + at / 4] = { operand, offset: at };
  }

  /** An expression that is not followed may have written any register. */
  forget(): void {
    this.#held.length = 0;
  }

  /** So many bytes from the register on: of one operand, or of several that make a concatenation. */
  read(number: number, length: number): Operand {
    const parts: Operand[] = [];
    let index = indexOf(number);
    for (let left = length; left > 0; ) {
      const held = this.#held[index];
      if (held === undefined) {
        parts.push(UNKNOWN(left));
        break;
      }
      const { operand, offset } = held;
      const bytes = Math.min(left, operand.length - offset);
      parts.push(offset === 0 && bytes >= operand.length ? operand : sliced(operand, offset, bytes));
      const taken = (bytes + 3) & ~3;
      index += taken / 4;
      left -= taken;
    }
    const [only, second] = parts;
    if (only !== undefined && second === undefined) return only;
    return concatenated(parts, length);
  }
}

const UNKNOWN = (length: number): Operand => {
  const text = 'a value that knat does not follow';
  return { text, type: 'bytes', length, read: () => unknownBits(length, text) };
};

function sliced(operand: Operand, offset: number, length: number): Operand {
  return {
    ...operand,
    length,
    read: (packet) => {
      const bits = operand.read(packet);
      return bits === null ? null : part(bits, offset, length);
    },
  };
}

function concatenated(parts: readonly Operand[], length: number): Operand {
  return {
    text: parts.map(({ text }) => text).join(' . '),
    type: 'bytes',
    length,
    read: (packet) => {
      const all: Bits[] = [];
      for (const one of parts) {
        const bits = one.read(packet);
        if (bits === null) return null;
        all.push(bits);
      }
      return joined(all);
    },
  };
}
