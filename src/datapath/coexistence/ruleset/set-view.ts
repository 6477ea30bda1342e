import { Busy, Rejected } from '../../../wire/errors.ts';
import type { NftablesConnection } from '../../../wire/nftables/connection.ts';
import { type SetDeclaration, setFlags } from '../../../wire/nftables/declarations.ts';
import type { SetElement } from '../../../wire/nftables/element.ts';
import type { NftFamily } from '../../../wire/nftables/numbers.ts';
import { type Bits, equals } from './bits.ts';
import type { Operand } from './operand.ts';
import { valueText } from './value-text.ts';

/** What a lookup finds: an element, nothing, or it depends; then `candidates` are all that it may be, if they are few. */
export type Found =
  | { readonly kind: 'found'; readonly element: SetElement }
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'depends';
      readonly why: string;
      readonly candidates: readonly SetElement[] | null;
      /** Nothing may be found too. */
      readonly mayBeAbsent: boolean;
    };

/** Elements that are read to decide about a key of which only a part is known. */
const MOST_READ = 1024;
/** Elements of a set without a name in the text of a rule. */
const MOST_SHOWN = 8;

/** A set or map of another program's table; the kernel itself looks up a key. */
export class SetView {
  readonly #connection: NftablesConnection;
  readonly #family: NftFamily;
  readonly #table: string;
  readonly #name: string;
  readonly #flags: number;
  readonly keyLength: number;
  readonly dataLength: number;
  /** NFT_OBJECT_… of a map of objects. */
  readonly objectType: number | undefined;
  #elements: readonly SetElement[] | null = null;

  constructor(connection: NftablesConnection, family: NftFamily, declaration: SetDeclaration) {
    this.#connection = connection;
    this.#family = family;
    this.#table = declaration.table ?? '';
    this.#name = declaration.name ?? '';
    this.#flags = declaration.flags ?? 0;
    this.keyLength = declaration.keyLength ?? 0;
    this.dataLength = declaration.dataLength ?? 0;
    this.objectType = declaration.objectType;
  }

  lookUp(key: Bits): Found {
    if (key.known === null) {
      const element = this.#get(key.bytes) ?? this.#get(null);
      return element === null ? { kind: 'absent' } : { kind: 'found', element };
    }
    const { why } = key;
    if ((this.#flags & setFlags.NFT_SET_INTERVAL) !== 0)
      return { kind: 'depends', why, candidates: null, mayBeAbsent: true };
    const elements = this.#all();
    if (elements === null) return { kind: 'depends', why, candidates: null, mayBeAbsent: true };
    const candidates = elements.filter((one) => one.key.length === 0 || equals(key, one.key) !== false);
    if (candidates.length === 0) return { kind: 'absent' };
    // A random number below the number of elements always finds one.
    const combinations = combinationsOf(key);
    return {
      kind: 'depends',
      why,
      candidates,
      mayBeAbsent: combinations === null || combinations > candidates.length,
    };
  }

  /** `@name`, or the elements of a set without a name. */
  textFor(operand: Operand): string {
    if ((this.#flags & setFlags.NFT_SET_ANONYMOUS) === 0) return `@${this.#name}`;
    const elements = this.#all();
    if (elements === null) return '{ … }';
    const ends = lastKeys(elements);
    const shown = elements
      .filter(({ intervalEnd }) => intervalEnd !== true)
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .slice(0, MOST_SHOWN)
      .map((element) => {
        const { key, keyEnd, verdict } = element;
        const textOf = (bytes: Uint8Array) => valueText(operand.type, bytes.subarray(0, operand.length));
        const last = keyEnd ?? ends.get(element);
        const text = key.length === 0 ? '*' : textOf(key);
        const ranged = last === undefined || textOf(last) === text ? text : `${text}-${textOf(last)}`;
        return verdict === undefined
          ? ranged
          : `${ranged} : ${[verdict.code, ...(verdict.chain === undefined ? [] : [verdict.chain])].join(' ')}`;
      });
    const more = elements.length > MOST_SHOWN ? ', …' : '';
    return `{ ${shown.join(', ')}${more} }`;
  }

  /** @param key null: the element for all other keys */
  #get(key: Uint8Array | null): SetElement | null {
    try {
      return this.#connection.element(this.#family, this.#table, this.#name, key ?? new Uint8Array(0));
    } catch (error) {
      if (error instanceof Rejected) return null;
      throw error;
    }
  }

  /** Null: too many, or they change while they are read. */
  #all(): readonly SetElement[] | null {
    if (this.#elements !== null) return this.#elements;
    try {
      const found = this.#connection.firstElements(this.#family, this.#table, this.#name, MOST_READ);
      if (found !== null) this.#elements = found;
      return found;
    } catch (error) {
      if (error instanceof Rejected || error instanceof Busy) return null;
      throw error;
    }
  }
}

/** Of an interval set: the last key of each range, which the key behind it ends. */
function lastKeys(elements: readonly SetElement[]): ReadonlyMap<SetElement, Uint8Array> {
  const sorted = [...elements].sort((a, b) => Buffer.compare(a.key, b.key));
  const last = new Map<SetElement, Uint8Array>();
  for (const [index, element] of sorted.entries()) {
    const next = sorted[index + 1];
    if (element.intervalEnd !== true && next?.intervalEnd === true) last.set(element, keyBefore(next.key));
  }
  return last;
}

/** The key before this one, as a number. */
function keyBefore(key: Uint8Array): Uint8Array {
  const bytes = key.slice();
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] as number;
    bytes[at] = byte - 1;
    if (byte > 0) break;
  }
  return bytes;
}

/** How many values a key may have that is a number below a bound; null: not known. */
function combinationsOf({ bound }: Bits): number | null {
  return bound ?? null;
}
