import { type Sleeper, timers } from '../../base/wake.ts';
import { limits } from '../../limits/table.ts';
import type { PortSpan } from '../../net/port.ts';
import { defaultPodNatOptions, type PodNatOptions } from '../objects/metadata.ts';

/** All options have defaults; times are milliseconds. */
export interface DirOptions {
  readonly podNat?: PodNatOptions;
  /** Node ports that a Service may have; an API server's default, 30000 to 32767. */
  readonly nodePortRange?: PortSpan;
  /** Files above this many bytes are refused; 32 MiB. */
  readonly maxFileBytes?: number;
  /** How long the folder, and each file, must be unchanged before it is read; 50. */
  readonly settleMs?: number;
  /** Under steady writes the folder is read after this time at the latest; 1,000. */
  readonly patienceMs?: number;
  /** The folder is read this often without any event; 10,000. */
  readonly pollMs?: number;
  /** The same where the kernel reports every change (`isReported`); 60,000. */
  readonly restMs?: number;
  /** How often to check whether the path still leads to the same folder; 2,000. */
  readonly rootCheckMs?: number;
  readonly debug?: (line: string) => void;
  readonly clock?: FolderClock;
}

export interface FolderClock extends Sleeper {
  /** Milliseconds since the epoch, as the times of files. */
  now(): number;
}

export type ReadingOptions = Required<DirOptions>;

export function withDefaults(options: DirOptions): ReadingOptions {
  return {
    podNat: defaultPodNatOptions,
    nodePortRange: { first: 30_000, last: 32_767 },
    maxFileBytes: limits['manifest-bytes'].most,
    settleMs: 50,
    patienceMs: 1000,
    pollMs: 10_000,
    restMs: 60_000,
    rootCheckMs: 2_000,
    debug: () => {},
    clock: { now: () => Date.now(), ...timers },
    ...options,
  };
}
