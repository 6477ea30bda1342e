import { defaultPodNatOptions, type PodNatOptions } from '../objects/metadata.ts';

/** How a folder of manifests is read. All have defaults; times are milliseconds. */
export interface DirOptions {
  readonly podNat?: PodNatOptions;
  /** Files above this many bytes are refused; 32 MiB. */
  readonly maxFileBytes?: number;
  /** How long the folder must be quiet before it is read, and a file unchanged before it is trusted; 50. */
  readonly settleMs?: number;
  /** The folder is looked at this often even when no event tells of a change; 10,000. */
  readonly pollMs?: number;
  /** How often to look whether the folder itself is still the same one; 500. */
  readonly rootCheckMs?: number;
  /** Takes lines that only matter when someone looks for a reason. */
  readonly debug?: (line: string) => void;
}

export type ReadingOptions = Required<DirOptions>;

export function withDefaults(options: DirOptions): ReadingOptions {
  return {
    podNat: defaultPodNatOptions,
    maxFileBytes: 32 * 1024 * 1024,
    settleMs: 50,
    pollMs: 10_000,
    rootCheckMs: 500,
    debug: () => {},
    ...options,
  };
}
