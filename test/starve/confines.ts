import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type MemoryGroup, memoryGroup } from '../chaos/memory-group.ts';

/** Descriptors that the agent may have. */
export const DESCRIPTORS = 4_096;

/** Bytes that the chart allows the agent. */
export function memoryOfChart(): number {
  const values = parse(readFileSync(new URL('../../charts/knat/values.yaml', import.meta.url), 'utf8'));
  const [, mebibytes] = /^(\d+)Mi$/.exec(values.resources.limits.memory) ?? [];
  if (mebibytes === undefined) throw new Error('the chart has no limit of memory in MiB');
  return Number(mebibytes) * 2 ** 20;
}

/**
 * The limits of a container for the agent: memory as the chart has it, and descriptors. The chart has no limit of processor time.
 * On a machine without control groups of memory only the descriptors are limited.
 */
export class Confines {
  readonly #group: MemoryGroup | null;

  constructor(memory: number) {
    this.#group = memoryGroup.isPossible() ? memoryGroup.make(`knat-starve-${process.pid}`) : null;
    this.#group?.limit(memory);
  }

  /** The command that starts a program within them. */
  get through(): readonly string[] {
    return [...(this.#group?.through ?? []), 'prlimit', `--nofile=${DESCRIPTORS}`];
  }

  /** Once no process is left in them. */
  async remove(): Promise<void> {
    await this.#group?.remove();
  }
}
