/** One instruction of a Dockerfile; its arguments as one text, continued lines joined by a space. */
export interface Instruction {
  readonly keyword: string;
  readonly text: string;
  /** Its first line, from 1. */
  readonly line: number;
}

/** A FROM and the instructions after it. */
export interface Stage {
  /** After AS; the last stage may have none. */
  readonly name: string | null;
  /** An image, or the name of a stage before. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The keywords of our Dockerfile: another one is an error, so that nothing is skipped in silence. */
const KEYWORDS = ['RUN', 'COPY', 'WORKDIR', 'ENV', 'LABEL', 'ENTRYPOINT', 'CMD'];

/** The stages of a Dockerfile, in order. Throws Error with the line of an unknown instruction. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string | null; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const { keyword, text: rest, line } = instruction;
    if (keyword === 'FROM') {
      const [, base, name] = /^(\S+)(?: +AS +(\S+))?$/i.exec(rest) ?? [];
      if (base === undefined) throw new Error(`Dockerfile:${line}: FROM ${rest} is not known`);
      stages.push({ name: name ?? null, base, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`Dockerfile:${line}: ${keyword} before the first FROM`);
    if (!KEYWORDS.includes(keyword)) throw new Error(`Dockerfile:${line}: ${keyword} is not known`);
    stage.instructions.push(instruction);
  }
  return stages;
}

function* instructionsOf(text: string): Generator<Instruction> {
  let open = '';
  let start = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    if (open === '') start = index + 1;
    open += `${line.replace(/\\$/, '').trim()} `;
    if (line.endsWith('\\')) continue;
    const [, keyword = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(open.trim()) ?? [];
    yield { keyword: keyword.toUpperCase(), text: rest, line: start };
    open = '';
  }
  if (open !== '') throw new Error(`Dockerfile:${start}: the instruction has no end`);
}

/** Sources and destination of a COPY, and the stage that it copies from. */
export function parseCopy(text: string): { from: string | null; sources: string[]; destination: string } {
  const [, from, rest = ''] = /^(?:--from=(\S+) +)?(.*)$/.exec(text) ?? [];
  const paths = rest.split(/ +/);
  const destination = paths.pop() ?? '';
  if (paths.length === 0 || rest.startsWith('--')) throw new Error(`COPY ${text} is not known`);
  return { from: from ?? null, sources: paths, destination };
}

/**
 * The Debian packages that `apt-get install` of this instruction names.
 * @internal used by tests alone
 */
export function installedPackages({ keyword, text }: Instruction): string[] {
  if (keyword !== 'RUN') return [];
  return [...text.matchAll(/apt-get install ([^&|;]*)/g)].flatMap(([, words = '']) =>
    words.split(/\s+/).filter((word) => word !== '' && !word.startsWith('-')),
  );
}
