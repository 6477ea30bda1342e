import { readFileSync } from 'node:fs';

/** The process that made a lab. Process ids are reused; id and start time together are unique. */
export interface Owner {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

export function thisProcess(): Owner {
  const stat = readStat(process.pid);
  if (stat === null) throw new Error(`/proc/${process.pid}/stat cannot be read`);
  return { pid: process.pid, startTicks: stat.startTicks };
}

/** False for a zombie, which holds no resources any more. */
export function isAlive(owner: Owner): boolean {
  const stat = readStat(owner.pid);
  return stat !== null && stat.startTicks === owner.startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** State and start time out of /proc/PID/stat (proc_pid_stat(5)); null when there is no such process. */
function readStat(pid: number): { state: string; startTicks: number } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // Field 2, the program's name in parentheses, may contain spaces and parentheses: count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  return { state, startTicks: Number(fields[22 - 3]) };
}
