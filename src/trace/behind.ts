import { columnsOf } from '../datapath/nftables/set-table.ts';
import type { Walk } from '../explain/walk.ts';
import type { ObjectRef } from '../model/object.ts';
import { parsePort } from '../net/port.ts';
import { protocolFromNumber } from '../net/protocol.ts';
import type { PlanEntry, Tuple } from '../plan/entry.ts';
import { clusterAddressKey, podSourceKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { RuleDeclaration } from '../wire/nftables/declarations.ts';
import { decodeExpression } from '../wire/nftables/expressions.ts';
import type { Header } from './header.ts';

/** A step of ours: the rule, the packet as it was there, and as it came. */
export interface OwnStep {
  readonly rule: RuleDeclaration | null;
  readonly chain: string;
  /** The chain that the verdict leads to; null for none. */
  readonly target: string | null;
  readonly now: Header;
  readonly original: Header;
}

type Plan = Pick<NatPlan, 'entry' | 'entryAt' | 'sourceAt'>;

/**
 * The object behind a step in our tables: that of the element which the rule found, since an element belongs to an entry of
 * the plan. Of EgressRules and pools, whose elements are ranges, it is the one that decides in the walk of this packet.
 * Null for a rule that is not tied to one object.
 */
export function objectBehind(step: OwnStep, plan: Plan, walk: Walk | null): ObjectRef | null {
  const columns: Readonly<Record<string, { readonly entries: readonly PlanEntry['kind'][] }>> = columnsOf(
    step.original.family,
  );
  for (const set of setsIn(step.rule)) {
    for (const kind of columns[set]?.entries ?? []) {
      const object = ownerOf(kind, step, plan);
      if (object !== null) return object;
    }
  }
  return walk === null ? null : egressObject(step, walk);
}

/** The sets that the rule looks into. */
function setsIn(rule: RuleDeclaration | null): string[] {
  return (rule?.expressions ?? []).flatMap((raw) => {
    const expression = raw.name === 'lookup' ? decodeExpression(raw) : null;
    return expression?.name === 'lookup' ? [expression.attributes.set ?? ''] : [];
  });
}

function ownerOf(kind: PlanEntry['kind'], { now, original }: OwnStep, plan: Plan): ObjectRef | null {
  const protocol = protocolFromNumber(original.protocol);
  switch (kind) {
    case 'ServiceFrontend':
    case 'PodBinding': {
      const dialled = tupleOf(original.destination, original.port, original);
      const entry = dialled === null ? undefined : plan.entryAt(dialled);
      return entry?.kind === kind && 'owner' in entry ? entry.owner : null;
    }
    case 'ClusterAddress': {
      const entry = plan.entry(clusterAddressKey(original.destination));
      return entry?.kind === kind ? entry.owner : null;
    }
    case 'PodSource': {
      const entry = protocol === null ? undefined : plan.entry(podSourceKey(now.source, protocol));
      return entry?.kind === kind ? entry.owner : null;
    }
    case 'PodSourcePort': {
      const sender = tupleOf(now.source, now.sourcePort, now);
      return sender === null ? null : (plan.sourceAt(sender)?.owner ?? null);
    }
    default:
      return null;
  }
}

function tupleOf(address: Tuple['address'], port: number | null, header: Header): Tuple | null {
  const protocol = protocolFromNumber(header.protocol);
  const number = port === null ? null : parsePort(port);
  return protocol === null || number === null ? null : { address, protocol, port: number };
}

/** The EgressRule or pool that decides about the packet, for a step in their chains. */
function egressObject({ chain, target }: OwnStep, { paths }: Walk): ObjectRef | null {
  const isOf = (name: string) => chain === name || target === name;
  const steps = paths.flatMap(({ steps }) => steps);
  if (isOf('egress_rules') || isOf('ruled_sources')) {
    const rule = steps.find((step) => step.rule === 'egress-rule' && step.role === 'decides');
    if (rule !== undefined) return rule.object;
  }
  if (!isOf('egress_pools') && !isOf('egress_masquerade')) return null;
  const decided = steps.find(
    ({ rule, verdict }) => (rule === 'egress-pool' || rule === 'egress-rule') && verdict !== 'continue',
  );
  return decided?.object ?? null;
}
