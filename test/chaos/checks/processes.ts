import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { World } from '../world.ts';

/** Milliseconds for a process that was told to end. */
const ENDING = 5000;

/** Processes in the node's namespace that belong to nobody and do not end. The agent may have children. */
export async function foundProcesses(world: World): Promise<string[]> {
  const deadline = performance.now() + ENDING;
  for (;;) {
    const found = strangers(world);
    if (found.length === 0 || performance.now() > deadline) {
      return found.map((pid) => `process ${pid} is left over: ${commandOf(pid)}`);
    }
    await world.pause(10);
  }
}

function strangers(world: World): number[] {
  const own = readlinkSync('/proc/self/ns/net');
  const known = new Set(world.processes);
  if (world.agent.isRunning) known.add(world.agent.pid);
  const isKnown = (pid: number): boolean => known.has(pid) || known.has(parentOf(pid) ?? 0);
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => namespaceOf(pid) === own && !isKnown(pid));
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null; // it has ended
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
  } catch {
    return 'it has ended';
  }
}
