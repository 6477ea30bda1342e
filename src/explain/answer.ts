import type { FlowAnswer, PacketFate } from '../forms/walk.ts';
import { formatRef } from '../model/object.ts';
import { endpointText } from '../plan/canonical.ts';
import type { NatPlan, TranslatingPlan } from '../plan/nat-plan.ts';
import { groupPaths } from './group.ts';
import type { WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import { stepReason } from './reason.ts';
import type { Step } from './step.ts';
import { type Walk, walk } from './walk.ts';

export function answerFlow(
  plan: TranslatingPlan & Pick<NatPlan, 'conflicts' | 'conflictsAt'>,
  node: WalkedNode,
  packet: Packet,
): FlowAnswer {
  const result = walk(plan, node, packet);
  return { ...fateOf(result), because: reasonOf(result) };
}

/** What becomes of the packet, without the reason. */
export function fateOf({ verdict, paths }: Pick<Walk, 'verdict' | 'paths'>): PacketFate {
  const snat = paths[0]?.snat ?? null;
  return {
    verdict,
    endpoints: verdict === 'dnat' ? paths.map(({ endpoint }) => endpointText(endpoint)).sort() : [],
    masq: paths.some((path) => path.snat !== null),
    snat: paths.every((path) => path.snat === snat) ? snat : null,
  };
}

export function reasonOf({ verdict, steps, paths }: Walk): string {
  const decided: { to: string; step: Step }[] = [];
  const destination = steps.at(-1);
  if (destination !== undefined && verdict !== 'snat') decided.push({ to: '', step: destination });
  const groups = groupPaths(paths);
  for (const group of groups) {
    const addresses = group.paths.map(({ endpoint }) => endpoint.address).join(', ');
    const to = groups.length === 1 ? '' : `to ${addresses}: `;
    const sourceSteps = group.steps.filter((step) => step.rule !== 'no-source-rule');
    const rewriting = sourceSteps.find((step) => step.verdict !== 'continue');
    for (const step of rewriting === undefined ? sourceSteps : [rewriting]) decided.push({ to, step });
  }
  let named = '';
  return decided
    .map(({ to, step }) => {
      const object = step.object === null ? '' : formatRef(step.object);
      const repeated = object === named;
      named = object;
      return to + (object === '' || repeated ? '' : `${object}: `) + stepReason(step);
    })
    .join('; ');
}
