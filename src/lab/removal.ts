import { readdirSync } from 'node:fs';
import { runToEndSync } from './command.ts';
import { type LabPrefix, labNameOf } from './namespace-name.ts';
import { isAlive } from './owner.ts';

/** How often processes are looked for again after those found were killed: one may have forked meanwhile. */
const ROUNDS = 20;

/**
 * Ends every process inside the namespaces and removes these; their links go with them. Blocks for some tens of
 * milliseconds. Namespaces that are gone already are passed over, so calling it twice is harmless.
 */
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

/**
 * Removes what crashed runs left under this prefix: the namespaces whose names bear an owner that is dead, and the
 * processes inside. Those of living runs stay. Returns the names of the removed namespaces.
 */
export function removeStale(prefix: LabPrefix): readonly string[] {
  const stale = namespacesThat((namespace) => {
    const lab = labNameOf(namespace);
    return lab !== null && lab.prefix === prefix && !isAlive(lab.owner);
  });
  removeNamespaces(stale);
  return stale;
}

/** The named network namespaces of this machine (ip-netns(8): the files in /run/netns) that pass the test. */
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
  return pids.filter((pid) => pid !== process.pid); // someone may have started us in there
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended by itself since it was listed
  }
}
