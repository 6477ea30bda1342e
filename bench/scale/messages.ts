/** What the process with the API server and the measuring process tell each other. Times: see `clock`. */

/** A Service and the endpoints that it may be translated to. */
export interface CheckedService {
  readonly address: string;
  readonly endpoints: readonly string[];
}

/** What the kernel must have. */
export interface Truth {
  readonly services: number;
  /** Ready ones. */
  readonly endpoints: number;
  readonly checked: readonly CheckedService[];
  readonly egress: { readonly pods: number; readonly address: string; readonly checked: number };
}

export interface ServerReady {
  readonly kubeconfig: string;
  readonly folder: string;
  readonly jsonMiB: number;
}

/** A change that the kernel shows: an address comes or goes. */
export interface Change {
  readonly at: number;
  readonly address: string;
  readonly what: 'added' | 'removed';
}

/** Everything that was done to the objects. */
export interface ChangesDone {
  /** Writes of objects, also those that change nothing in the kernel. */
  readonly events: number;
  readonly changes: readonly Change[];
  /** The longest that an event came later than planned. */
  readonly latestMs: number;
}

export type ServerAnswer =
  | { readonly ready: ServerReady }
  | { readonly done: ChangesDone }
  | { readonly truth: Truth };

export type ServerQuestion = 'change' | 'truth';

/** The machine's monotonic clock in milliseconds, the same in all its processes. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
