import type { Owner } from './owner.ts';

/** The purpose of a lab: `knat-demo`, `knat-test`. */
export type LabPrefix = `knat-${string}`;

/** A lab's name. It contains the owner, so that a crashed run can be recognised without other state. */
export interface LabName {
  readonly prefix: LabPrefix;
  readonly owner: Owner;
  /** Distinguishes the labs of one owner. */
  readonly serial: number;
}

/** `knat-demo-pa8-2cvk-1`: prefix, pid and start time of the owner in base 36, serial. */
export function formatLabName({ prefix, owner, serial }: LabName): string {
  return `${prefix}-${owner.pid.toString(36)}-${owner.startTicks.toString(36)}-${serial}`;
}

/** Reads the lab's name from a namespace's (`knat-demo-pa8-2cvk-1-node1`); null for other namespaces. */
export function labNameOf(namespace: string): LabName | null {
  const match = /^(knat-[a-z]+)-([0-9a-z]+)-([0-9a-z]+)-([0-9]+)-./.exec(namespace);
  if (match === null) return null;
  const [, prefix = '', pid = '', startTicks = '', serial = ''] = match;
  return {
    prefix: prefix as LabPrefix,
    owner: { pid: Number.parseInt(pid, 36), startTicks: Number.parseInt(startTicks, 36) },
    serial: Number(serial),
  };
}
