/**
 * Loaded into the agent before its program (`node --import`): writes what the process has allocated so far to file descriptor
 * 3, once a second, as a line of JSON. What the kernel shows about a process, the measuring process reads itself.
 */
import { writeSync } from 'node:fs';
import { startMeter } from '../cost.ts';

const EVERY_MS = 1000;
const PIPE = 3;

let meter = startMeter();
let allocatedKiB = 0;

function write(): void {
  allocatedKiB += meter().allocatedKiB;
  meter = startMeter();
  try {
    writeSync(PIPE, `${JSON.stringify({ allocatedKiB })}\n`);
  } catch {
    clearInterval(timer); // nobody reads any more
  }
}

const timer = setInterval(write, EVERY_MS).unref();
process.on('exit', write);
