import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { Finding } from '../../model/finding.ts';
import { eventOf, isNoticeCode } from '../../model/finding-codes.ts';
import { formatRef, type ObjectRef } from '../../model/object.ts';
import { printable } from '../../model/printable.ts';
import { compareText } from '../../model/text.ts';
import type { Conflict } from '../../plan/claims.ts';
import type { PodBinding } from '../../plan/entry.ts';
import type { NodeAccount } from './account.ts';

export type BindingRow = NonNullable<NodeNatStatus['bindings']>[number];
export type ConflictRow = NonNullable<NodeNatStatus['conflicts']>[number];
export type RejectedRow = NonNullable<NodeNatStatus['rejected']>[number];
export type RowRef = RejectedRow['object'];

/** The complete lists in an order given by their content; the status shows a part. Text is `printable`. */
export interface Rows {
  readonly bindings: readonly BindingRow[];
  readonly conflicts: readonly ConflictRow[];
  readonly rejected: readonly RejectedRow[];
}

export const NO_ROWS: Rows = Object.freeze({ bindings: [], conflicts: [], rejected: [] });

export function rowsOf({ programmed, problems }: Pick<NodeAccount, 'programmed' | 'problems'>): Rows {
  const rejected = [...problems, ...(programmed?.notices ?? [])].flatMap(rejectedRow).sort(byObject);
  return {
    bindings: (programmed?.bindings ?? []).map(bindingRow),
    conflicts: (programmed?.conflicts ?? []).map(conflictRow),
    rejected,
  };
}

function bindingRow({ tuple, portCount, owner, endpoint }: PodBinding): BindingRow {
  return {
    ...tuple,
    ...(portCount === 1 ? {} : { lastPort: tuple.port + portCount - 1 }),
    pod: { namespace: owner.namespace, name: owner.name },
    podAddress: endpoint.address,
    podPort: endpoint.port,
  };
}

function conflictRow({ code, key, winner, losers, because }: Conflict): ConflictRow {
  return {
    reason: eventOf(code),
    key,
    winner: rowRef(winner),
    losers: losers.map(rowRef),
    because: printable(because),
  };
}

/** Empty for findings without an object: the condition Degraded has them. */
function rejectedRow({ object, code, field, message }: Finding): RejectedRow[] {
  if (object === null) return [];
  return [
    {
      object: rowRef(object),
      reason: eventOf(code),
      ...(isNoticeCode(code) ? {} : { code }),
      message: printable(message),
      ...(field === '' ? {} : { field: printable(field) }),
    },
  ];
}

function rowRef({ kind, namespace, name }: ObjectRef): RowRef {
  return namespace === '' ? { kind, name } : { kind, namespace, name };
}

function byObject(a: RejectedRow, b: RejectedRow): number {
  return compareText(sortKey(a), sortKey(b));
}

function sortKey({ object, reason, field = '', message }: RejectedRow): string {
  return [formatRef(object), reason, field, message].join('\n');
}
