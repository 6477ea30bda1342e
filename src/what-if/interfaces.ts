import { formatInterface, type InterfacePattern, matchesInterface } from '../model/node.ts';
import type { Ground } from './ground.ts';
import { SIDES } from './sides.ts';

/** Incoming interfaces that every rule treats alike. */
export interface InterfaceKind {
  /** A power of two. */
  readonly bit: number;
  /** Undefined: none that a rule names, or not known. */
  readonly representative: string | undefined;
  /** `cali*`, `!cali*`: all must hold. */
  readonly text: string;
}

/** One kind for all interfaces, unless pods are recognised by interface. */
export function interfaceKinds({ scope }: Ground): readonly InterfaceKind[] {
  const patterns = new Map<string, InterfacePattern>();
  for (const side of SIDES) {
    const { podInterface, unmasqueradedInterface, egressInterface } = scope[side];
    for (const pattern of [podInterface, unmasqueradedInterface, egressInterface]) {
      if (pattern !== null) patterns.set(formatInterface(pattern), pattern);
    }
  }
  const candidates = [undefined, ...[...patterns.values()].flatMap(({ name }) => [name, `${name}?`])];
  const kinds = new Map<string, string | undefined>();
  for (const name of candidates) {
    const text = [...patterns]
      .map(([written, pattern]) => {
        return name !== undefined && matchesInterface(pattern, name) ? written : `!${written}`;
      })
      .join(' ');
    if (!kinds.has(text)) kinds.set(text, name);
  }
  return [...kinds].map(([text, representative], index) => ({ bit: 1 << index, representative, text }));
}
