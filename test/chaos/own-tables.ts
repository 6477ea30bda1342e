import { listRuleset } from '../netns/namespace.ts';

/** A chain or set of ours; `table`: `ip knat`. */
interface Placed {
  readonly table: string;
  readonly name: string;
}

export interface OwnSet extends Placed {
  readonly kind: 'set' | 'map';
  /** Keys without values, as nft takes them for `delete element`. */
  readonly elements: readonly string[];
}

/** Lines `chain NAME {`, `set NAME {` and so on of our tables, each with the lines of its body. */
function blocks(): { table: string; kind: string; name: string; body: string }[] {
  return [...listRuleset(['-s']).matchAll(/^table (ip6? knat) \{\n([\s\S]*?)^\}/gm)].flatMap(
    ([, table = '', content = '']) =>
      [...content.matchAll(/^\t(chain|set|map) (\S+) \{\n([\s\S]*?)^\t\}/gm)].map(
        ([, kind = '', name = '', body = '']) => ({ table, kind, name, body }),
      ),
  );
}

export function ownChains(): readonly Placed[] {
  return blocks().filter(({ kind }) => kind === 'chain');
}

/** Sets and maps that have elements. */
export function ownElements(): readonly OwnSet[] {
  return blocks().flatMap(({ table, kind, name, body }) => {
    const [, list] = /elements = \{([\s\S]*?)\}/.exec(body) ?? [];
    if (list === undefined || (kind !== 'set' && kind !== 'map')) return [];
    return [{ table, name, kind, elements: list.split(',').map(keyOf) }];
  });
}

/** `10.0.0.1 . tcp . 80 : 10.1.1.1 . 8080` → `10.0.0.1 . tcp . 80`. */
function keyOf(element: string): string {
  const [key = ''] = element.trim().split(/ : | timeout | expires | counter /);
  return key;
}
