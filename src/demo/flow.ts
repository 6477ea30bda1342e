import type { Dual } from '../lab/address-plan.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';

/** A connection that a host of the stage tries to open, and its expected end. */
export interface StagedFlow {
  /** One line: who dials what. */
  readonly title: string;
  /** One line: what this flow shows. */
  readonly remark: string;
  readonly from: string;
  readonly to: Dual<IpAddress>;
  readonly port: number;
  readonly protocol: Protocol;
  /** How often to dial; once when absent. */
  readonly attempts?: number;
  /** Derived by hand from the topology and the manifests, never by knat. */
  readonly expected: Expected;
}

/** How every attempt must end; each listed answerer must answer at least one attempt. */
export type Expected =
  | { readonly answeredBy: readonly ExpectedAnswer[] }
  | { readonly answeredBy: readonly []; readonly instead: 'no answer' | 'refused' };

export interface ExpectedAnswer {
  readonly by: string;
  /** The source address that the answering host must have seen. */
  readonly saw: Dual<IpAddress>;
}

/** Attempts that ended alike. */
export interface Ending {
  /** `web1`, `no answer`, `refused`, `unreachable (EHOSTUNREACH)`. */
  readonly end: string;
  /** The source address that was seen; null when no host answered. */
  readonly saw: string | null;
  readonly count: number;
}

export interface FlowResult {
  readonly flow: StagedFlow;
  readonly family: Family;
  readonly endings: readonly Ending[];
  readonly asExpected: boolean;
}

/** The expected endings in one family, in the form of the observed ones; counts do not matter. */
export function expectedEndings({ expected }: StagedFlow, family: Family): readonly Omit<Ending, 'count'>[] {
  if ('instead' in expected) return [{ end: expected.instead, saw: null }];
  return expected.answeredBy.map(({ by, saw }) => ({ end: by, saw: saw[family] }));
}

/** True when exactly the expected endings were seen; counts do not matter. */
export function isAsExpected(flow: StagedFlow, family: Family, endings: readonly Ending[]): boolean {
  const form = (list: readonly Omit<Ending, 'count'>[]) =>
    list
      .map(({ end, saw }) => `${end} ${saw}`)
      .sort()
      .join();
  return form(endings) === form(expectedEndings(flow, family));
}
