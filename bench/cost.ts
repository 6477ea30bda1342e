/**
 * What work costs beside clock time: processor time, allocated bytes and page faults. Clock time says little on a busy
 * machine; these figures depend on the work alone.
 */
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** What a stretch of this process cost, all of its threads and the kernel's work for it. */
export interface Cost {
  readonly ms: number;
  /** Processor time, user and system. */
  readonly cpuMs: number;
  readonly systemMs: number;
  /** First touches of a page of memory. */
  readonly pageFaults: number;
}

/** Begins to measure; the function that is returned gives the cost up to its call. */
export function startMeter(): () => Cost {
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
  const meter = startMeter();
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
  const { cpuMs, pageFaults } = meter();
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
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
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

/** Resident memory of this process, in MiB: now, and the most that it was. */
export function residentMiB(): { readonly nowMiB: number; readonly peakMiB: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string) => round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { nowMiB: of('VmRSS'), peakMiB: of('VmHWM') };
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
