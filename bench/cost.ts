/**
 * What work costs beside clock time: processor time, allocated bytes and page faults. Clock time says little on a busy
 * machine; these figures depend on the work alone.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { GCProfiler, type GCProfilerResult, getHeapStatistics } from 'node:v8';

/** What a process cost, all of its threads and the kernel's work for it. */
export interface ProcessCost {
  /** Processor time, user and system. */
  readonly cpuMs: number;
  readonly systemMs: number;
  /** First touches of a page of memory. */
  readonly pageFaults: number;
}

/** What a stretch of this process cost. */
export interface Cost extends ProcessCost {
  readonly ms: number;
  /** JavaScript objects and array buffers that were allocated, including those that are garbage by now. */
  readonly allocatedKiB: number;
}

/**
 * Begins to measure; the function that is returned, called once, gives the cost up to its call. It takes about 30 µs for each
 * garbage collection.
 */
export function startMeter(): () => Cost {
  const profiler = new GCProfiler();
  profiler.start();
  const heap = usedBytes();
  const usage = startUsage();
  return () => {
    const used = usage();
    const end = usedBytes();
    return { ...used, allocatedKiB: round(allocatedBytes(heap, profiler.stop(), end) / 1024) };
  };
}

/** The cost of one of `times` equal pieces of work. */
export function costEach({ ms, cpuMs, systemMs, allocatedKiB, pageFaults }: Cost, times: number): Cost {
  return {
    ms: round(ms / times),
    cpuMs: round(cpuMs / times),
    systemMs: round(systemMs / times),
    allocatedKiB: round(allocatedKiB / times),
    pageFaults: round(pageFaults / times),
  };
}

function startUsage(): () => Omit<Cost, 'allocatedKiB'> {
  const { minorPageFault } = process.resourceUsage();
  const cpu = process.cpuUsage();
  const start = performance.now();
  return () => {
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    const pageFaults = process.resourceUsage().minorPageFault - minorPageFault;
    return {
      ms: round(ms),
      cpuMs: round((user + system) / 1000),
      systemMs: round(system / 1000),
      pageFaults,
    };
  };
}

/** The cost of one of many equal changes. */
export interface ChangeCost {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Processor time of one change, the mean of all; garbage collection is in it. */
  readonly cpuMs: number;
  /** The median of one change, outside of garbage collections. */
  readonly cpuP50Ms: number;
  /** Bytes of the heap that one change takes: the median. */
  readonly allocatedBytes: number;
  /** Of all changes together. */
  readonly pageFaults: number;
}

/** Runs the change `count` times, one at a time. */
export async function costOfEach(
  count: number,
  change: (index: number) => Promise<void> | void,
): Promise<ChangeCost> {
  const [ms, cpu, bytes] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  const usage = startUsage();
  for (let i = 0; i < count; i++) {
    const heap = heapBytes();
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    await change(i);
    ms[i] = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    cpu[i] = (user + system) / 1000;
    bytes[i] = heapBytes() - heap;
  }
  const { cpuMs, pageFaults } = usage();
  // A change during which garbage was collected says nothing about what it allocated.
  const grown = bytes.filter((each) => each > 0);
  return {
    p50Ms: round(quantileOf(ms, 0.5)),
    p99Ms: round(quantileOf(ms, 0.99)),
    p999Ms: round(quantileOf(ms, 0.999)),
    cpuMs: round(cpuMs / count),
    cpuP50Ms: round(quantileOf(cpu, 0.5)),
    allocatedBytes: Math.max(0, Math.round(quantileOf(grown, 0.5) - OF_MEASURING)),
    pageFaults,
  };
}

/** The heap in use, and memory of array buffers beside it. */
function heapBytes(): number {
  const { heap, external } = usedBytes();
  return heap + external;
}

interface UsedBytes {
  readonly heap: number;
  readonly external: number;
}

function usedBytes(): UsedBytes {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return { heap: used_heap_size, external: external_memory };
}

/** The sum of what was added between two collections. Buffers are also released in between, which counts as nothing. */
function allocatedBytes(start: UsedBytes, { statistics }: GCProfilerResult, end: UsedBytes): number {
  let bytes = 0;
  let last = start;
  const add = (next: UsedBytes) => {
    bytes += Math.max(next.heap - last.heap, 0) + Math.max(next.external - last.external, 0);
  };
  for (const { beforeGC, afterGC } of statistics) {
    add({ heap: beforeGC.heapStatistics.usedHeapSize, external: beforeGC.heapStatistics.externalMemory });
    last = { heap: afterGC.heapStatistics.usedHeapSize, external: afterGC.heapStatistics.externalMemory };
  }
  add(end);
  return bytes;
}

/** What asking twice and reading the clocks allocate themselves. */
const OF_MEASURING = ofMeasuring();

function ofMeasuring(): number {
  const grown = Float64Array.from({ length: 101 }, () => {
    const before = heapBytes();
    process.cpuUsage(process.cpuUsage());
    performance.now();
    return heapBytes() - before;
  });
  return quantileOf(grown, 0.5);
}

function quantileOf(values: Float64Array, share: number): number {
  return (
    Float64Array.from(values).sort()[Math.min(Math.floor(values.length * share), values.length - 1)] ?? 0
  );
}

/** What another process has cost since it was started; its processor time to a tick of the kernel, which is 10 ms. */
export function costOfProcess(pid: number): ProcessCost {
  const [minor = 0, , major = 0, , user = 0, system = 0] = statFields(pid);
  return { cpuMs: (user + system) * tickMs(), systemMs: system * tickMs(), pageFaults: minor + major };
}

/** The same of all children of this process that have ended. */
export function costOfChildren(): ProcessCost {
  const [, minor = 0, , major = 0, , , user = 0, system = 0] = statFields('self');
  return { cpuMs: (user + system) * tickMs(), systemMs: system * tickMs(), pageFaults: minor + major };
}

/** Divided by the number of equal pieces of work in between. */
export function costBetween(before: ProcessCost, after: ProcessCost, times = 1): ProcessCost {
  return {
    cpuMs: round((after.cpuMs - before.cpuMs) / times),
    systemMs: round((after.systemMs - before.systemMs) / times),
    pageFaults: round((after.pageFaults - before.pageFaults) / times),
  };
}

/** Of proc_pid_stat(5): minflt, cminflt, majflt, cmajflt, utime, stime, cutime, cstime; "c" are children that have ended. */
function statFields(pid: number | 'self'): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses, the second field, may have spaces.
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return afterName.slice(7, 15).map(Number);
}

let tick = 0;

/** Milliseconds in a tick of proc_pid_stat(5): `_SC_CLK_TCK` of sysconf(3). */
function tickMs(): number {
  if (tick === 0) tick = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return tick;
}

/** Resident memory of a process, in MiB: now, and the most that it was. */
export function residentMiB(pid: number | 'self' = 'self'): {
  readonly nowMiB: number;
  readonly peakMiB: number;
} {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string) => round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { nowMiB: of('VmRSS'), peakMiB: of('VmHWM') };
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
