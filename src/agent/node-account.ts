import type { Status } from '../forms/status.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { type NodeAccount, type Programmed, programmedOf } from '../status/kube/account.ts';

/**
 * What the cluster may be told: of the plan only what the datapath reported as done. It remembers that for times in
 * which the kernel is behind.
 */
export class NodeAccounts {
  #done: Programmed | null = null;

  /**
   * Null while there is nothing whole to be told: the source still reads and nothing is wrong with it, or the kernel
   * is being brought up to the plan.
   *
   * @param reported revision of the plan that the datapath last reported as done; null before the first
   */
  of(status: Status, plan: NatPlan, reported: number | null): NodeAccount | null {
    const { synced, failure, problems } = status;
    if (reported !== null && plan.revision === reported) this.#done = programmedOf(plan);
    else if (failure === null) {
      const isSourceWell = !problems.some(({ object }) => object === null);
      if (synced || isSourceWell) return null;
    }
    return {
      node: status.node,
      version: status.version,
      capabilities: status.capabilities,
      enabled: status.enabled,
      source: status.source,
      synced,
      programmed: this.#done,
      failure: failure?.message ?? null,
      problems,
    };
  }
}
