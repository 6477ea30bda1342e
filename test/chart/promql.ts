/** A metric that an expression names, and the labels that it uses. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  /** Labels in `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
  readonly grouping: readonly string[];
}

const TOKEN =
  /\s+|#[^\n]*|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<duration>\[[^\]]*\])|(?<number>\d[\w.]*)|(?<name>[A-Za-z_:][\w:]*)|(?<sign>=~|!~|!=|==|>=|<=|[-+*/%^(){},=<>])/gy;
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/**
 * The metrics and labels that an expression of PromQL names: as much of its grammar as alerts and dashboards need.
 * Throws on what it cannot read.
 */
export function readPromql(text: string): Expression {
  const tokens = tokensOf(text);
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] ?? '';
    const next = tokens[index + 1];
    if (!/^[A-Za-z_:]/.test(token)) continue;
    if (GROUPING.has(token)) {
      if (next !== '(') continue;
      const end = tokens.indexOf(')', index);
      grouping.push(...tokens.slice(index + 2, end).filter((each) => each !== ','));
      index = end;
    } else if (next === '{') {
      const end = tokens.indexOf('}', index);
      selectors.push({ metric: token, matchers: matchersOf(tokens.slice(index + 2, end)) });
      index = end;
    } else if (next !== '(' && !GROUPING.has(next ?? '') && !OPERATORS.has(token)) {
      selectors.push({ metric: token, matchers: [] });
    }
  }
  if (selectors.length === 0) throw new Error(`no metric in: ${text}`);
  return { selectors, grouping };
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new Error(`cannot be read from character ${at} on: ${text}`);
    const { text: quoted, name, sign } = found.groups ?? {};
    const token = quoted ?? name ?? sign;
    if (token !== undefined) tokens.push(token);
  }
  for (const [open, close] of ['()', '{}']) {
    const count = (sign: string | undefined) => tokens.filter((token) => token === sign).length;
    if (count(open) !== count(close)) throw new Error(`${open} and ${close} do not pair in: ${text}`);
  }
  return tokens;
}

function matchersOf(tokens: readonly string[]): Selector['matchers'] {
  const parts: Selector['matchers'][number][] = [];
  for (let index = 0; index < tokens.length; index += 4) {
    const [label = '', operator = '', value = '', separator = ','] = tokens.slice(index, index + 4);
    if (separator !== ',' || !/^["']/.test(value)) throw new Error(`no label matchers: ${tokens.join(' ')}`);
    parts.push({ label, operator, value: value.slice(1, -1) });
  }
  return parts;
}
