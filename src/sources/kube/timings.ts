/** In milliseconds unless a name says otherwise. */
export interface Timings {
  /** First and longest wait after a failure, doubled in between; each is multiplied by 0.5 to 1. */
  readonly retryFirst: number;
  readonly retryLongest: number;
  /** Silence after which a list is aborted. */
  readonly listIdle: number;
  /** Silence after which a watch is restarted. A server sends a bookmark about every minute. */
  readonly watchIdle: number;
  /** Bounds of the lifetime that a watch requests, chosen at random, in seconds. */
  readonly watchSecondsLeast: number;
  readonly watchSecondsMost: number;
  /** Age of a list after which the end of a watch leads to a new one: a server may have lost an event of a watch. */
  readonly relistAfter: number;
  /** First and longest wait before asking again for an API group that the server does not have. */
  readonly absentFirst: number;
  readonly absentLongest: number;
  /** Grace period before the objects of a missing API group are removed. */
  readonly absentGrace: number;
  /** Wait for an optional resource that cannot be read, before the source is in sync without it. */
  readonly optionalPatience: number;
  /** Failures are reported after this time; at once before the first list is complete. */
  readonly reportAfter: number;
  /** Refusals (401, 403) for a shorter time may come from a server that is starting. */
  readonly refusedAfter: number;
  /** Objects to a page of a list. */
  readonly pageSize: number;
}

export const defaultTimings: Timings = {
  retryFirst: 500,
  retryLongest: 30_000,
  listIdle: 30_000,
  watchIdle: 150_000,
  watchSecondsLeast: 300,
  watchSecondsMost: 600,
  relistAfter: 6 * 3600_000,
  absentFirst: 5_000,
  absentLongest: 60_000,
  absentGrace: 60_000,
  optionalPatience: 5_000,
  reportAfter: 10_000,
  refusedAfter: 30_000,
  pageSize: 500,
};
