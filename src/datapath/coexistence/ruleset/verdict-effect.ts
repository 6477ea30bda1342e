import type { Effect } from '../../../netfilter/rule.ts';
import type { Verdict } from '../../../wire/nftables/element.ts';
import type { Found } from './set-view.ts';

/** Null: on to the next expression. */
export function effectOf({ code, chain }: Verdict): Effect | null {
  if (chain !== undefined) return { kind: code === 'goto' ? 'goto' : 'jump', chain };
  if (code === 'continue') return null;
  if (code === 'accept' || code === 'drop' || code === 'return') return { kind: code };
  return { kind: 'unknown', text: `the verdict ${code}, such as a queue to a program` };
}

export function verdictText({ code, chain }: Verdict): string {
  return chain === undefined ? String(code) : `${code} ${chain}`;
}

/** What a map of verdicts does, by what a lookup found. */
export function verdictFrom(found: Found): Effect | string | readonly (Effect | null)[] | null {
  switch (found.kind) {
    case 'absent':
      return null;
    case 'found':
      return found.element.verdict === undefined ? null : effectOf(found.element.verdict);
    case 'depends': {
      if (found.candidates === null || found.candidates.length > MOST_WAYS) return found.why;
      const effects = found.candidates.map(({ verdict }) =>
        verdict === undefined ? null : effectOf(verdict),
      );
      return found.mayBeAbsent ? [...effects, null] : effects;
    }
  }
}

/** Verdicts of one map that are followed, where chance picks one. */
const MOST_WAYS = 16;
