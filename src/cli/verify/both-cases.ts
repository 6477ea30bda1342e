import { askedAddress, furtherAddresses } from '../../agent/further-addresses.ts';
import type { OfflinePlans } from '../../agent/offline.ts';
import { grouped } from '../../base/collect.ts';
import { branchOf, conditionText } from '../../explain/branch.ts';
import type { IpAddress } from '../../net/address.ts';
import type { WrittenExpectation } from './expectations-file.ts';
import { formatMismatch } from './format-mismatch.ts';
import { type Judged, judgeWalk } from './judge.ts';
import type { ExpectationResult } from './result.ts';

/**
 * Judges the expectations of a node, in their order. If only objects tell of the node, also for the case that it bears
 * the addresses that matter to the expectation: one that is met in one case alone is unknown.
 *
 * @param borne addresses that the node is said to bear
 */
export function judgeInBothCases(
  plans: OfflinePlans,
  node: string,
  expectations: readonly WrittenExpectation[],
  borne: readonly IpAddress[],
): ExpectationResult[] {
  const planner = plans.of(node, borne);
  const first = expectations.map((expectation) => ({ expectation, judged: judgeWalk(expectation, planner) }));
  const results = new Map(first.map(({ expectation, judged }) => [expectation, judged.result]));
  if (plans.arePartlyKnown) {
    const named = furtherAddresses(planner);
    const placed = first.flatMap(({ expectation, judged }) => {
      if (judged.walk === null) return [];
      const asked = askedAddress(planner, judged.walk.packet);
      return [{ expectation, judged, further: concerned(expectation, [...new Set([...named, ...asked])]) }];
    });
    for (const same of grouped(placed, ({ further }) => further.join()).values()) {
      const further = same[0]?.further ?? [];
      if (further.length === 0) continue;
      const bearing = plans.of(node, [...borne, ...further]);
      for (const { expectation, judged } of same) {
        results.set(expectation, both(judged, judgeWalk(expectation, bearing), further));
      }
    }
  }
  return expectations.flatMap((expectation) => results.get(expectation) ?? []);
}

/** If the expectation names one of the addresses as the new source, the node is asked to bear no other one. */
function concerned({ as }: WrittenExpectation, further: readonly IpAddress[]): readonly IpAddress[] {
  const named = further.filter((address) => address === as);
  return named.length > 0 ? named : further;
}

function both(without: Judged, bearing: Judged, further: readonly IpAddress[]): ExpectationResult {
  const { result, walk } = without;
  if (walk === null || bearing.walk === null || result.passed === bearing.result.passed) return result;
  const branch = branchOf(walk, bearing.walk, further) ?? { bears: further, walk: bearing.walk };
  const said = ({ result: { passed, mismatches } }: Judged) =>
    passed ? 'met' : `not met (${mismatches.map(formatMismatch).join('; ')})`;
  const unknown = `if ${conditionText(branch)}: ${said(bearing)}; else: ${said(without)}`;
  return { ...result, passed: false, outcome: 'unknown', unknown };
}
