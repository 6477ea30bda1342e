/**
 * `make chaos-bugs`: puts bugs that kube-proxy once had into copies of the program, one by one, and lets the machine look for them. Exit
 * status 1 when it does not find one, or finds something in the program itself. Needs root.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Bug, bugs } from './bugs.ts';
import { buildWith } from './build.ts';

const MACHINE = fileURLToPath(new URL('../main.js', import.meta.url));
const SEED = '16';

const asked = process.argv.slice(2);
for (const name of asked) {
  if (!bugs.some((bug) => bug.name === name)) throw new Error(`there is no bug ${name}`);
}
const missed: string[] = [];
for (const bug of bugs.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const sound = machine(process.cwd(), bug);
  const found = machine(buildWith(bug), bug);
  const isFound = found.status === 1 && bug.told.test(found.output);
  console.log(
    `${bug.name}: ${isFound ? 'found' : 'NOT FOUND'}; without it ${sound.status === 0 ? 'nothing is found' : 'SOMETHING IS FOUND'}`,
  );
  const line = found.output.split('\n').find((each) => bug.told.test(each));
  if (line !== undefined) console.log(`  ${line.trim().slice(0, 300)}`);
  if (!isFound) console.log(found.output.slice(-3000));
  if (sound.status !== 0) console.log(sound.output.slice(-3000));
  if (!isFound || sound.status !== 0) missed.push(bug.name);
}
process.exitCode = missed.length > 0 ? 1 : 0;

/** The faults of this bug against the program in the folder. */
function machine(folder: string, { kinds, faults, source }: Bug): { status: number | null; output: string } {
  const args = [
    '--seed',
    SEED,
    '--faults',
    `${faults}`,
    '--workers',
    '1',
    '--kinds',
    kinds.join(','),
    '--source',
    source,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [MACHINE, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 64 * 2 ** 20,
  });
  return { status, output: `${stdout}${stderr}` };
}
