import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { ObjectRef } from '../../model/object.ts';
import { printable } from '../../model/printable.ts';
import type { Problem } from '../../model/problem.ts';
import { compareText } from '../../model/text.ts';
import type { Conflict } from '../../plan/claims.ts';
import type { PodBinding } from '../../plan/entry.ts';
import type { Notice } from '../../plan/fragment.ts';
import type { NodeAccount } from './account.ts';
import { reasonOfNotice, reasonOfProblem } from './reasons.ts';

export type BindingRow = NonNullable<NodeNatStatus['bindings']>[number];
export type ConflictRow = NonNullable<NodeNatStatus['conflicts']>[number];
export type RejectedRow = NonNullable<NodeNatStatus['rejected']>[number];
export type RowRef = RejectedRow['object'];

/**
 * The lists of the status, complete; the status bounds them. In an order that only their content decides. What objects
 * say is `printable` in them, since people read them in terminals.
 */
export interface Rows {
  readonly bindings: readonly BindingRow[];
  readonly conflicts: readonly ConflictRow[];
  readonly rejected: readonly RejectedRow[];
}

export const NO_ROWS: Rows = Object.freeze({ bindings: [], conflicts: [], rejected: [] });

export function rowsOf({ programmed, problems }: Pick<NodeAccount, 'programmed' | 'problems'>): Rows {
  const rejected = [...problems.flatMap(problemRow), ...(programmed?.notices ?? []).map(noticeRow)].sort(
    byObject,
  );
  return {
    bindings: (programmed?.bindings ?? []).map(bindingRow),
    conflicts: (programmed?.conflicts ?? []).map(conflictRow),
    rejected,
  };
}

/** `Pod shop/web`: unique among the objects of a status. */
export function rowName({ kind, namespace = '', name }: RowRef): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
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

function conflictRow({ key, winner, losers, because }: Conflict): ConflictRow {
  return { key, winner: rowRef(winner), losers: losers.map(rowRef), because: printable(because) };
}

/** Problems without an object are no rejected objects; they stand in the condition Degraded. */
function problemRow({ object, code, field, message }: Problem): RejectedRow[] {
  if (object === null) return [];
  const row = { object: rowRef(object), reason: reasonOfProblem(code), code, message: printable(message) };
  return [field === '' ? row : { ...row, field: printable(field) }];
}

function noticeRow({ object, reason, message }: Notice): RejectedRow {
  return { object: rowRef(object), reason: reasonOfNotice[reason], message: printable(message) };
}

function rowRef({ kind, namespace, name }: ObjectRef): RowRef {
  return namespace === '' ? { kind, name } : { kind, namespace, name };
}

function byObject(a: RejectedRow, b: RejectedRow): number {
  return compareText(sortKey(a), sortKey(b));
}

function sortKey({ object, reason, field = '', message }: RejectedRow): string {
  return [rowName(object), reason, field, message].join('\n');
}
