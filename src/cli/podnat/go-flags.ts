/**
 * Go's flag syntax (https://pkg.go.dev/flag, "Command line flag syntax"): `-x v`, `-x=v`, `--x`; a switch takes a value
 * only by `=v`; `--`, `-` and the first word without a dash end the flags. Unlike in Go, case is ignored: the two
 * generations of podnat-controller differ in it.
 */

export interface GoFlag {
  /** As shown in the help. */
  readonly name: string;
  readonly type: 'bool' | 'int' | 'string';
  /** The default as Go prints it; empty for none. */
  readonly standard: string;
  readonly usage: string;
}

/** Values by the flags' lower-case names, and the remaining words. */
export interface GoArguments {
  readonly values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

/** The message is Go's. */
export class GoFlagError extends Error {
  override readonly name = 'GoFlagError';
}

/** `-h` or `-help` was given but not declared. */
export class GoHelpAsked extends Error {
  override readonly name = 'GoHelpAsked';
}

/** The last of repeated values counts. Throws GoFlagError or GoHelpAsked. */
export function parseGoFlags(words: readonly string[], flags: readonly GoFlag[]): GoArguments {
  const known = new Map(flags.map((flag) => [flag.name.toLowerCase(), flag]));
  const values = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word.length < 2 || !word.startsWith('-')) return { values, rest: words.slice(index) };
    if (word === '--') return { values, rest: words.slice(index + 1) };
    const body = word.replace(/^--?/, '');
    const [, name = '', given = null] = /^([^=]*)(?:=(.*))?$/s.exec(body) ?? [];
    if (name === '' || name.startsWith('-')) throw new GoFlagError(`bad flag syntax: ${word}`);
    const key = name.toLowerCase();
    const flag = known.get(key);
    if (flag === undefined) {
      if (key === 'h' || key === 'help') throw new GoHelpAsked();
      throw new GoFlagError(`flag provided but not defined: -${name}`);
    }
    if (flag.type === 'bool') {
      values.set(key, readBool(name, given ?? 'true'));
      continue;
    }
    const value = given ?? words[++index];
    if (value === undefined) throw new GoFlagError(`flag needs an argument: -${name}`);
    values.set(key, flag.type === 'int' ? readInt(name, value) : value);
  }
  return { values, rest: [] };
}

/** The output of `-h`, sorted by name as by Go's PrintDefaults. */
export function goUsage(program: string, flags: readonly GoFlag[]): string {
  const sorted = [...flags].sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = sorted.map(({ name, type, standard, usage }) => {
    const kind = type === 'bool' ? '' : ` ${type}`;
    const quoted = type === 'string' ? JSON.stringify(standard) : standard;
    const isShown = standard !== '' && standard !== 'false' && !(type === 'int' && standard === '0');
    return `  -${name}${kind}\n    \t${usage}${isShown ? ` (default ${quoted})` : ''}`;
  });
  return [`Usage of ${program}:`, ...lines].join('\n');
}

/** strconv.ParseBool. */
const BOOLS: ReadonlyMap<string, string> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, 'true'] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, 'false'] as const),
]);

function readBool(name: string, text: string): string {
  const value = BOOLS.get(text);
  if (value !== undefined) return value;
  throw new GoFlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
}

/** strconv.ParseInt with base 0, 64 bits: also `0x1F`, `0o17`, `017`, `0b1`, `1_000`; returns the decimal form. */
function readInt(name: string, text: string): string {
  const parts =
    /^([+-]?)(0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|0[bB]_?[01]+(?:_[01]+)*|0[oO]?_?[0-7]+(?:_[0-7]+)*|[1-9]\d*(?:_\d+)*|0)$/.exec(
      text,
    );
  if (parts === null)
    throw new GoFlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`);
  const digits = (parts[2] ?? '').replaceAll('_', '').replace(/^0(?=[0-7])/, '0o');
  const value = BigInt(digits) * (parts[1] === '-' ? -1n : 1n);
  if (value === BigInt.asIntN(64, value)) return String(value);
  throw new GoFlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: value out of range`);
}
