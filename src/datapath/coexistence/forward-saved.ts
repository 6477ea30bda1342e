import type { ForwardChain, ForwardRule } from './forward-fate.ts';

/** How our rule is told from those of others, by its comment: removal needs no other state. */
const COMMENT = 'knat[accept_dnat]';

/** Lets pass what was translated, in both directions, and nothing else. */
export const ACCEPT_RULE = `-m conntrack --ctstate DNAT -m comment --comment "${COMMENT}" -j ACCEPT`;

/** The chain FORWARD of the table filter as `iptables-save` prints it. */
export interface SavedForward {
  /** Without our rules. */
  readonly foreign: ForwardChain;
  /** Our rules: their lines as they were printed, and how many rules of others stand before each. */
  readonly ours: readonly { readonly line: string; readonly before: number }[];
}

/** Reads the table; null when the text has no chain FORWARD in a table filter. */
export function parseSavedForward(text: string): SavedForward | null {
  const chains = new Map<string, ForwardRule[]>();
  const ours: { line: string; before: number }[] = [];
  const rules: string[] = [];
  let policy: string | null = null;
  let isFilter = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) isFilter = line.trim() === '*filter';
    else if (isFilter && line.startsWith(':')) {
      const [name = '', word] = line.slice(1).split(' ');
      chains.set(name, []);
      if (name === 'FORWARD') policy = word ?? null;
    } else if (isFilter && line.startsWith('-A ')) rules.push(line);
  }
  if (policy === null) return null;
  const forward: ForwardRule[] = [];
  chains.set('FORWARD', forward);
  for (const line of rules) {
    const chain = line.split(' ')[1] ?? '';
    if (chain === 'FORWARD' && line.includes(COMMENT)) ours.push({ line, before: forward.length });
    else chains.get(chain)?.push(readRule(line, chains));
  }
  return { foreign: { policyDrops: policy === 'DROP', rules: forward, chains }, ours };
}

/** `-A CHAIN MATCHES -j TARGET OPTIONS`; comments match every packet. */
function readRule(line: string, chains: ReadonlyMap<string, unknown>): ForwardRule {
  const plain = line.replace(/ -m comment --comment ("(\\.|[^"\\])*"|\S+)/g, '');
  const parts = /^-A \S+(.*?) -([jg]) (\S+)/.exec(plain);
  if (parts === null) return { does: 'maybe' };
  const [, matches = '', how, target = ''] = parts;
  const translated =
    /^ -m conntrack --ctstate (\S+)$/.exec(matches)?.[1]?.split(',').includes('DNAT') ?? false;
  if (target === 'ACCEPT') return { does: matches === '' || translated ? 'pass' : 'maybe' };
  if (matches !== '') return { does: 'maybe' };
  if (target === 'DROP' || target === 'REJECT') return { does: 'drop' };
  if (target === 'RETURN') return { does: 'return' };
  return chains.has(target) ? { does: how === 'g' ? 'goto' : 'jump', chain: target } : { does: 'maybe' };
}
