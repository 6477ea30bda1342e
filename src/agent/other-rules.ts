import { setImmediate as turn } from 'node:timers/promises';
import { KernelHost } from '../datapath/coexistence/kernel-host.ts';
import { KernelRuleset } from '../datapath/coexistence/kernel-ruleset.ts';
import { type Difference, differingSources } from '../explain/others/differing.ts';
import { type Journey, journeyOf } from '../explain/others/journey.ts';
import type { WalkedNode } from '../explain/own.ts';
import type { PortPacket } from '../explain/packet.ts';
import type { NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { isLoopback } from '../net/special-address.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { Planner } from '../plan/planner.ts';

/** Examinations of one packet while other programs keep changing their rules. */
const ATTEMPTS = 3;

/**
 * The packet's way through the kernel of this network namespace: the plan's rules, those of other programs, and routing. Reads
 * only what the packet meets, in turns of the event loop, and sends nothing. Throws Denied without rights.
 */
export async function kernelJourney(plan: NatPlan, node: WalkedNode, packet: PortPacket): Promise<Journey> {
  for (let attempt = 1; ; attempt++) {
    const host = new KernelHost();
    try {
      const ruleset = await KernelRuleset.open(familyOf(packet.destination), host);
      try {
        const journey = await journeyOf(packet, { plan, node }, ruleset, host, async () => await turn());
        if (!ruleset.isOutdated || attempt === ATTEMPTS) return journey;
      } finally {
        ruleset.close();
      }
    } finally {
      host.close();
    }
  }
}

/** Where other programs of this host translate packets of pods otherwise than the plan. Throws Denied without rights. */
export async function foreignDifferences({
  plan,
  heldNode,
  pods,
}: Pick<Planner, 'plan' | 'heldNode' | 'pods'>): Promise<Difference[]> {
  const here: IpAddress[] = [];
  for (const { nodeName, hostNetwork, finished, ips } of pods.values())
    if (nodeName === heldNode.nodeName && !hostNetwork && !finished) here.push(...ips);
  return await differingSources(plan, heldNode, here, (packet) => kernelJourney(plan, heldNode, packet));
}

/**
 * The packet's way, if this host is the node of the plan and the process may read its rules; null otherwise.
 * @param isThisHost the user says that it is; else an address of the node must be one of this host's interfaces
 */
export async function journeyHere(
  { plan, heldNode }: Pick<Planner, 'plan' | 'heldNode'>,
  packet: PortPacket,
  isThisHost: boolean,
): Promise<Journey | null> {
  try {
    if (!isThisHost && !isNodeHere(heldNode)) return null;
    return await kernelJourney(plan, heldNode, packet);
  } catch {
    return null; // without rights, or without nf_tables
  }
}

/** As `foreignDifferences`, if this host is the node of the plan and its rules can be read; null otherwise. */
export async function differencesHere(
  planner: Pick<Planner, 'plan' | 'heldNode' | 'pods'>,
): Promise<Difference[] | null> {
  try {
    return isNodeHere(planner.heldNode) ? await foreignDifferences(planner) : null;
  } catch {
    return null; // without rights, or without nf_tables
  }
}

/** An interface of this host has an address of the node. */
function isNodeHere({ nodeIPs }: Pick<NodeFacts, 'nodeIPs'>): boolean {
  const host = new KernelHost();
  try {
    return nodeIPs.some((address) => !isLoopback(address) && host.hasAddress(address));
  } finally {
    host.close();
  }
}
