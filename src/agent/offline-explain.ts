import { branchOf } from '../explain/branch.ts';
import type { Walk } from '../explain/walk.ts';
import type { PacketQuestion } from '../forms/questions.ts';
import { explainQuery } from './explain-query.ts';
import { askedAddress, furtherAddresses } from './further-addresses.ts';
import type { OfflinePlans } from './offline.ts';

/**
 * As `explainQuery` for a node that only objects tell of: if the packet would get something else in case the node bears
 * further addresses, the walk has that branch. Afterwards the planner is that of the node without them. Throws
 * InvalidQuery.
 */
export function explainOffline(plans: OfflinePlans, nodeName: string, question: PacketQuestion): Walk {
  const planner = plans.of(nodeName);
  const walk = explainQuery(planner, question);
  if (!plans.arePartlyKnown) return walk;
  const further = [...new Set([...furtherAddresses(planner), ...askedAddress(planner, walk.packet)])];
  if (further.length === 0) return walk;
  const bearing = explainQuery(plans.of(nodeName, further), question);
  plans.of(nodeName);
  const branch = branchOf(walk, bearing, further);
  return branch === null ? walk : { ...walk, branch };
}
