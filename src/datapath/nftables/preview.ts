import { FAMILIES } from '../../net/family.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { Busy, Rejected } from '../../wire/errors.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { Preview } from '../datapath.ts';
import { type Comparison, elementChanges } from './comparison.ts';
import { constantElements } from './entry-elements.ts';
import { describeChanges } from './format.ts';
import { FoundElements } from './found-elements.ts';
import { ATTEMPTS, type KernelTables, workOn } from './kernel-tables.ts';

/**
 * What a comparison of everything would write; writes nothing. It gives way to others between two sets, and begins anew when
 * the plan or the ruleset changed meanwhile; the last attempt gives way to nobody.
 */
export async function previewOf(
  plan: NatPlan,
  signal: AbortSignal,
  connection: NftablesConnection,
  tables: KernelTables,
  comparisonNow: () => Comparison,
): Promise<Preview> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const isLast = attempt === ATTEMPTS;
    try {
      const { revision } = plan;
      const generation = connection.generation().id;
      const found = isLast ? tables.read() : await readGivingWay(tables);
      const comparison = comparisonNow();
      const state = tables.state(comparison.chains(found).variant);
      const isSteady = plan.revision === revision && connection.generation().id === generation;
      if (!isSteady && !isLast) continue;
      // What belongs to every skeleton comes with it.
      const actual = state.kind === 'ours' ? found : FoundElements.of(FAMILIES.flatMap(constantElements));
      const changes = elementChanges(comparison.changes(actual));
      return { skeleton: workOn(state), changes: describeChanges(changes, plan) };
    } catch (error) {
      if (!(error instanceof Busy || error instanceof Rejected) || isLast) throw error;
    }
  }
}

/** All elements of our tables, letting others work between two sets. */
async function readGivingWay(tables: KernelTables): Promise<FoundElements> {
  const found = new FoundElements();
  for (const _ of tables.readStepwise(found)) await new Promise<void>((resolve) => setImmediate(resolve));
  return found;
}
