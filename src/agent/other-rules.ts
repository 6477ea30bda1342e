import { setImmediate as turn } from 'node:timers/promises';
import { KernelHost } from '../datapath/coexistence/kernel-host.ts';
import { KernelIpSets } from '../datapath/coexistence/kernel-ip-sets.ts';
import { KernelRuleset } from '../datapath/coexistence/kernel-ruleset.ts';
import { type Difference, differingSources } from '../explain/others/differing.ts';
import type { Follower } from '../explain/others/follower.ts';
import { type Journey, journeyOf } from '../explain/others/journey.ts';
import type { WalkedNode } from '../explain/own.ts';
import type { NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { isLoopback } from '../net/special-address.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { Planner } from '../plan/planner.ts';

/** Examinations of one packet while other programs keep changing their rules. */
const ATTEMPTS = 3;

/** What this host's kernel had when it was opened; chains are read once, when the first packet comes to them. */
class Surroundings {
  readonly #sets = new KernelIpSets();
  readonly #host = new KernelHost(this.#sets);
  readonly #rulesets = new Map<Family, KernelRuleset>();

  async follow(plan: NatPlan, node: WalkedNode, asked: Follower): Promise<Journey> {
    const family = familyOf(asked.packet.destination);
    let ruleset = this.#rulesets.get(family);
    if (ruleset === undefined) {
      ruleset = await KernelRuleset.open(family, this.#host);
      this.#rulesets.set(family, ruleset);
    }
    return await journeyOf(asked, { plan, node }, ruleset, this.#host, async () => await turn());
  }

  /** Other programs changed rules since. */
  get isOutdated(): boolean {
    return [...this.#rulesets.values()].some((ruleset) => ruleset.isOutdated);
  }

  close(): void {
    for (const ruleset of this.#rulesets.values()) ruleset.close();
    this.#host.close();
    this.#sets.close();
  }
}

/** The last examination that was asked for. */
let last: Promise<unknown> = Promise.resolve();

/** One at a time, however many ask: each takes a turn of the event loop, and reads up to all rules that are examined. */
async function examined<Found>(examine: (surroundings: Surroundings) => Promise<Found>): Promise<Found> {
  const own = last.then(() => examinedAlone(examine));
  last = own.catch(() => {});
  return await own;
}

/** Examines while nobody changes rules, as far as possible. */
async function examinedAlone<Found>(examine: (surroundings: Surroundings) => Promise<Found>): Promise<Found> {
  for (let attempt = 1; ; attempt++) {
    const surroundings = new Surroundings();
    try {
      const found = await examine(surroundings);
      if (attempt === ATTEMPTS || !surroundings.isOutdated) return found;
    } finally {
      surroundings.close();
    }
  }
}

/**
 * The packet's way through the kernel of this network namespace: the plan's rules, those of other programs, and routing. Reads
 * only what the packet meets, in turns of the event loop, and sends nothing. Throws Denied without rights.
 */
export async function kernelJourney(plan: NatPlan, node: WalkedNode, asked: Follower): Promise<Journey> {
  return await examined((surroundings) => surroundings.follow(plan, node, asked));
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
  return await examined((surroundings) =>
    differingSources(plan, heldNode, here, (packet) =>
      surroundings.follow(plan, heldNode, { packet, flow: 'new' }),
    ),
  );
}

/**
 * The packet's way, if this host is the node of the plan and the process may read its rules; null otherwise.
 * @param isThisHost the user says that it is; else an address of the node must be one of this host's interfaces
 */
export async function journeyHere(
  { plan, heldNode }: Pick<Planner, 'plan' | 'heldNode'>,
  asked: Follower,
  isThisHost: boolean,
): Promise<Journey | null> {
  try {
    if (!isThisHost && !isNodeHere(heldNode)) return null;
    return await kernelJourney(plan, heldNode, asked);
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
