/**
 * Scenario files through `explain` and, as root, through the kernel (`make scenarios FILE=…`; without FILE all of the
 * repository). Prints a line for each file and one for each thing that is not as the file says. Exit status 1 when
 * anything is not, 2 when a file cannot be used.
 */
import { Stage } from '../../netns/stage.ts';
import { scenarioFiles } from './files.ts';
import { type Failure, formatFailure } from './judge.ts';
import { readScenario, ScenarioInvalid } from './parse.ts';
import type { Scenario } from './scenario.ts';
import { failuresOfExplain } from './through-explain.ts';
import { failuresOfKernel } from './through-kernel.ts';

const named = process.argv.slice(2);
const scenarios = (named.length > 0 ? named : scenarioFiles()).flatMap((file) => readOrTell(file));
await judge('explain', failuresOfExplain);
if (process.getuid?.() === 0) {
  const stage = await Stage.build();
  try {
    await judge('kernel', (scenario) => failuresOfKernel(stage, scenario));
  } finally {
    stage.dispose();
  }
} else console.log('kernel: left out, since it needs root for network namespaces');

function readOrTell(file: string): readonly Scenario[] {
  try {
    return [readScenario(file)];
  } catch (error) {
    tell(error);
    return [];
  }
}

async function judge(
  way: string,
  failuresOf: (scenario: Scenario) => Promise<readonly Failure[]>,
): Promise<void> {
  for (const scenario of scenarios) {
    try {
      const failures = await failuresOf(scenario);
      console.log(`${way}: ${failures.length === 0 ? 'ok  ' : 'FAIL'}  ${scenario.title} (${scenario.file})`);
      for (const failure of failures) console.log(`  ${formatFailure(failure)}`);
      if (failures.length > 0) process.exitCode ??= 1;
    } catch (error) {
      tell(error);
    }
  }
}

/** Of a file that cannot be used every line that says why; anything else ends the run. */
function tell(error: unknown): void {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (!(error instanceof ScenarioInvalid) && !isMissing) throw error;
  for (const line of error.message.split('\n')) console.log(line);
  process.exitCode = 2;
}
