import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { World } from '../world.ts';

/** Processes in the node's namespace that belong to nobody. The agent may have children. */
export function foundProcesses(world: World): string[] {
  const own = readlinkSync('/proc/self/ns/net');
  const known = new Set(world.processes);
  if (world.agent.isRunning) known.add(world.agent.pid);
  const found = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => namespaceOf(pid) === own);
  const isKnown = (pid: number): boolean => known.has(pid) || known.has(parentOf(pid) ?? 0);
  return found.filter((pid) => !isKnown(pid)).map((pid) => `process ${pid} is left over: ${commandOf(pid)}`);
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
