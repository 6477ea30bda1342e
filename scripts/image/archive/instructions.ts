import type { Instruction } from '../dockerfile.ts';

/** The labels of a stage of the Dockerfile. */
export function labelsOf(instructions: readonly Instruction[]): Record<string, string> {
  const pairs = instructions
    .filter(({ keyword }) => keyword === 'LABEL')
    .flatMap(({ text }) => [...text.matchAll(/(\S+?)="([^"]*)"/g)]);
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

/** The words of ENTRYPOINT or CMD in a stage, written as JSON; the last one counts. Throws Error when there is none. */
export function wordsOf(instructions: readonly Instruction[], keyword: 'ENTRYPOINT' | 'CMD'): string[] {
  const found = instructions.findLast((each) => each.keyword === keyword);
  if (found === undefined) throw new Error(`the last stage of the Dockerfile has no ${keyword}`);
  return JSON.parse(found.text) as string[];
}
