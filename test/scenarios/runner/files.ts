import { readdirSync, readFileSync } from 'node:fs';

/** Where the scenario files are, from the folder that the commands are run in. */
const SCENARIOS = 'test/scenarios/files';

/** Describes the format, with a complete example. */
export const README = 'test/scenarios/README.md';

/** The scenario files of the repository, sorted. */
export function scenarioFiles(): string[] {
  return readdirSync(SCENARIOS)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `${SCENARIOS}/${name}`);
}

/** The example of README.md, behind as many empty lines that errors have the lines of that file. */
export function exampleText(): string {
  const [before = '', text] = readFileSync(README, 'utf8').split(/^```(?:yaml)?$/m);
  if (text === undefined) throw new Error(`${README} has no example`);
  return '\n'.repeat(before.split('\n').length - 1) + text;
}
