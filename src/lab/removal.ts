import { readdirSync } from 'node:fs';
import { runToEndSync } from './command.ts';
import { type LabPrefix, labNameOf } from './namespace-name.ts';
import { isAlive } from './owner.ts';

/** Rounds of killing processes: a process may fork before it is killed. */
const ROUNDS = 20;

/** Ends all processes in the namespaces and removes these. Blocks for some 10 ms. Skips missing namespaces. */
export function removeNamespaces(namespaces: readonly string[]): void {
  const existing = namespacesThat((name) => namespaces.includes(name));
  if (existing.length === 0) return;
  for (let round = 0; round < ROUNDS; round++) {
    const pids = processesIn(existing);
    if (pids.length === 0) break;
    for (const pid of pids) kill(pid);
  }
  const lines = existing.map((name) => `netns delete ${name}\n`).join('');
  runToEndSync(['ip', '-force', '-batch', '-'], lines);
}

/** Removes the namespaces and processes of crashed runs with this prefix. Returns the removed names. */
export function removeStale(prefix: LabPrefix): readonly string[] {
  const stale = namespacesThat((namespace) => {
    const lab = labNameOf(namespace);
    return lab !== null && lab.prefix === prefix && !isAlive(lab.owner);
  });
  removeNamespaces(stale);
  return stale;
}

/** The named network namespaces (ip-netns(8): the files in /run/netns) that pass the test. */
function namespacesThat(test: (name: string) => boolean): readonly string[] {
  try {
    return readdirSync('/run/netns').filter(test);
  } catch {
    return []; // no folder: no namespace was ever named
  }
}

function processesIn(namespaces: readonly string[]): readonly number[] {
  const lines = namespaces.map((name) => `netns pids ${name}\n`).join('');
  const { stdout } = runToEndSync(['ip', '-force', '-batch', '-'], lines);
  const pids = stdout.split('\n').filter(Boolean).map(Number);
  return pids.filter((pid) => pid !== process.pid); // this process may run in one of the namespaces
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // the process has ended since it was listed
  }
}
