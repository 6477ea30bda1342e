import type { Dual } from '../lab/address-plan.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';

/** A connection that somebody of the stage tries to open, and how it must end. */
export interface StagedFlow {
  /** One line: who dials what. */
  readonly title: string;
  /** One line: what there is to see. */
  readonly remark: string;
  readonly from: string;
  readonly to: Dual<IpAddress>;
  readonly port: number;
  readonly protocol: Protocol;
  /** How often to dial; left out: once. */
  readonly attempts?: number;
  /** Worked out from the topology and the manifests by hand; knat is never asked. */
  readonly expected: Expected;
}

/** How every attempt must end; where several answerers are listed, each of them must answer some attempt. */
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
  /** The source address that was seen; null where nobody answered. */
  readonly saw: string | null;
  readonly count: number;
}

/** How a flow ended in one family. */
export interface FlowResult {
  readonly flow: StagedFlow;
  readonly family: Family;
  readonly endings: readonly Ending[];
  readonly asExpected: boolean;
}

/** What must be seen in one family, in the form of what was seen; counts do not matter. */
export function expectedEndings({ expected }: StagedFlow, family: Family): readonly Omit<Ending, 'count'>[] {
  if ('instead' in expected) return [{ end: expected.instead, saw: null }];
  return expected.answeredBy.map(({ by, saw }) => ({ end: by, saw: saw[family] }));
}

/** True when exactly the expected endings were seen, no matter how often each. */
export function isAsExpected(flow: StagedFlow, family: Family, endings: readonly Ending[]): boolean {
  const form = (list: readonly Omit<Ending, 'count'>[]) =>
    list
      .map(({ end, saw }) => `${end} ${saw}`)
      .sort()
      .join();
  return form(endings) === form(expectedEndings(flow, family));
}
