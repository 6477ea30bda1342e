import { readFileSync } from 'node:fs';

/** sysconf(_SC_CLK_TCK) of Linux on every architecture with Node.js. */
const TICKS = 100;

/** Seconds of processor time of this process and of its children that have ended (proc_pid_stat(5), fields 14 to 17). */
export function cpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const sum = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
  return sum / TICKS;
}
