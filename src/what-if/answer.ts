import { grouped } from '../base/collect.ts';
import type { ChangeJson, ExpectationChange, WhatIfJson } from '../forms/what-if.ts';
import { besideClasses } from './beside.ts';
import { claimChanges } from './claims.ts';
import { type PacketChange, packetChanges } from './classes.ts';
import type { Connections } from './connections.ts';
import { eachChangeJson } from './json.ts';
import type { StreamedWhatIf } from './json-pieces.ts';
import { MOST_CLASSES } from './limit.ts';
import type { PlannedChange } from './planned.ts';

/** What a change does on some nodes. */
export interface WhatIf {
  /** The nodes that were asked for, in their order. */
  readonly nodes: readonly string[];
  /** A change that is the same on several nodes has one class for each of them. */
  readonly changes: readonly PacketChange[];
  readonly unknown: WhatIfJson['unknown'];
  readonly claims: NonNullable<WhatIfJson['claims']>;
  /** Null: none were given. */
  readonly expectations: readonly ExpectationChange[] | null;
  /** Null: not looked at. */
  readonly connections: Connections | null;
}

/** What a change does on one node. Throws WhatIfTooLarge. */
export function whatIfOn(
  { comparison, conflicts }: Omit<PlannedChange<unknown>, 'seen'>,
  mostClasses = MOST_CLASSES,
): WhatIf {
  const changes = packetChanges(comparison, mostClasses);
  return {
    nodes: [comparison.nodeName],
    changes,
    unknown: besideClasses(comparison, changes),
    claims: claimChanges(conflicts),
    expectations: null,
    connections: null,
  };
}

export function joinedWhatIf(each: readonly WhatIf[]): WhatIf {
  const distinct = <Item>(items: readonly Item[]) => {
    return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
  };
  return {
    nodes: each.flatMap(({ nodes }) => nodes),
    changes: each.flatMap(({ changes }) => changes),
    unknown: distinct(each.flatMap(({ unknown }) => unknown)),
    claims: distinct(each.flatMap(({ claims }) => claims)),
    expectations: null,
    connections: null,
  };
}

/** Classes that are the same on all of several nodes become one. They are made when they are read, at most once. */
export function streamedWhatIf(whatIf: WhatIf): StreamedWhatIf {
  const { nodes, changes, unknown, claims, expectations, connections } = whatIf;
  const all = eachChangeJson(changes, connections);
  return {
    changes: nodes.length === 1 ? all : joinedNodes(all, nodes.length),
    unknown,
    ...(claims.length === 0 ? {} : { claims }),
    ...(expectations === null ? {} : { expectations }),
    ...(connections === null ? {} : { connections: connections.busiest }),
  };
}

function joinedNodes(changes: Iterable<ChangeJson>, nodes: number): ChangeJson[] {
  const alike = grouped(changes, (change) =>
    JSON.stringify({ ...change, class: { ...change.class, node: null } }),
  );
  return [...alike.values()].flatMap((same) => {
    const [first] = same;
    const isEverywhere = same.length === nodes && first !== undefined;
    return isEverywhere ? [{ ...first, class: { ...first.class, node: null } }] : same;
  });
}
