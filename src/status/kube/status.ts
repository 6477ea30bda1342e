import { grouped } from '../../base/collect.ts';
import { NODE_NAT_BOUNDS, type NodeNatStatus } from '../../crds/node-nat.ts';
import { formatRef } from '../../model/object.ts';
import type { NodeAccount } from './account.ts';
import { conditionsOf } from './conditions.ts';
import type { RejectedRow, Rows } from './rows.ts';
import { shortened } from './shortened.ts';

const { bindings: BINDINGS, conflicts: CONFLICTS, losers: LOSERS, rejected: REJECTED } = NODE_NAT_BOUNDS;

const NOTHING: NodeNatStatus['counts'] = {
  services: 0,
  frontends: 0,
  bindings: 0,
  podSources: 0,
  pools: 0,
  conflicts: 0,
  rejected: 0,
};

/**
 * Before the first programming, the earlier agent's statements about the kernel stay, since its rules are still there.
 *
 * @param before the object's present status; null: none
 * @param at RFC 3339, whole seconds: for conditions whose status changes
 */
export function statusOf(
  account: NodeAccount,
  rows: Rows,
  before: NodeNatStatus | null,
  generation: number,
  at: string,
): NodeNatStatus {
  const { programmed, capabilities, enabled } = account;
  return {
    node: account.node,
    version: shortened(account.version, 64),
    mode: 'nftables',
    kernel: shortened(capabilities.kernel, 128),
    enabled: (['service', 'pod', 'egress'] as const).filter((kind) => enabled[kind]),
    ...(programmed === null ? leftBehind(before) : listsOf(programmed.counts, rows)),
    conditions: conditionsOf(account, rows, before?.conditions ?? [], generation, at),
  };
}

type Lists = Pick<NodeNatStatus, 'counts' | 'bindings' | 'conflicts' | 'rejected'>;

function leftBehind(before: NodeNatStatus | null): Lists {
  return {
    counts: before?.counts ?? NOTHING,
    bindings: before?.bindings ?? [],
    conflicts: before?.conflicts ?? [],
    rejected: before?.rejected ?? [],
  };
}

function listsOf(counts: Omit<NodeNatStatus['counts'], 'rejected'>, rows: Rows): Lists {
  const objects = new Set(rows.rejected.map(({ object }) => formatRef(object)));
  return {
    counts: { ...counts, rejected: objects.size },
    bindings: rows.bindings.slice(0, BINDINGS),
    conflicts: rows.conflicts.slice(0, CONFLICTS).map((row) => ({
      ...row,
      losers: row.losers.slice(0, LOSERS),
      because: shortened(row.because, 256),
    })),
    rejected: fairly(rows.rejected).map(boundedRejected),
  };
}

/** Maximum number of rows of one object. */
const ROWS_OF_OBJECT = 8;

/**
 * Shares the list's rows between objects: each gets the same maximum, and at least one while there is room. An object's
 * last row says how many are left out.
 */
function fairly(rows: readonly RejectedRow[]): RejectedRow[] {
  const byObject = grouped(rows, ({ object }) => formatRef(object));
  const groups = [...byObject.values()].slice(0, REJECTED);
  const taken = (most: number) => groups.reduce((sum, { length }) => sum + Math.min(length, most), 0);
  let most = ROWS_OF_OBJECT;
  while (most > 1 && taken(most) > REJECTED) most--;
  return groups.flatMap((group) => {
    const shown = group.slice(0, most);
    const last = shown.at(-1);
    if (last === undefined || group.length === shown.length) return shown;
    const more = `; and ${group.length - shown.length} more`;
    const message = shortened(last.message, NODE_NAT_BOUNDS.message - more.length) + more;
    return [...shown.slice(0, -1), { ...last, message }];
  });
}

function boundedRejected({ field, ...row }: RejectedRow): RejectedRow {
  const message = shortened(row.message, NODE_NAT_BOUNDS.message);
  return field === undefined ? { ...row, message } : { ...row, message, field: shortened(field, 256) };
}
