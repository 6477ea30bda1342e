export type Unit =
  | 'connections'
  | 'bytes'
  | 'milliseconds'
  | 'questions'
  | 'answers'
  | 'processes'
  | 'events'
  | 'records'
  | 'changes'
  | 'flows'
  | 'lookups'
  | 'rules'
  | 'ports'
  | 'ways'
  | 'entries'
  | 'endpoints'
  | 'characters'
  | 'lines'
  | 'folders';

/** A bound of what the agent takes, keeps or gives at one time. docs/limits.md is made from these. */
export interface Limit {
  readonly most: number;
  readonly unit: Unit;
  /** What is bounded, a noun phrase. */
  readonly of: string;
  /** What the agent does at the limit, a sentence without its end. */
  readonly beyond: string;
  /**
   * How the operator hears of it. `finding`: the problem KNAT_LIMIT_REACHED, with the remedy. `count`: only the metric, since
   * nothing is refused that somebody waits for. `code`: a finding with this code about the object; `knat_problems` and
   * `knat_notices` count it.
   */
  readonly told:
    | { readonly by: 'finding'; readonly remedy: string }
    | { readonly by: 'count' }
    | { readonly by: 'code'; readonly code: string };
}

type Told = Pick<Limit, 'most' | 'unit' | 'of' | 'beyond'>;

/** The operator should act when it is reached. */
export function reported(limit: Told & { readonly remedy: string }): Limit {
  const { remedy, ...rest } = limit;
  return { ...rest, told: { by: 'finding', remedy } };
}

/** Reaching it is usual. */
export function counted(limit: Told): Limit {
  return { ...limit, told: { by: 'count' } };
}

/** A finding about the object says so. @param code a notice code or a code of docs/errors.md */
export function ofObject(code: string, limit: Told): Limit {
  return { ...limit, told: { by: 'code', code } };
}
