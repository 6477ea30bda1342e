import { formatRef } from '../../../model/object.ts';
import { familyOf } from '../../../net/address.ts';
import type { Family } from '../../../net/family.ts';
import type { PlanEntry, ServiceFrontend } from '../../../plan/entry.ts';
import type { NatPlan } from '../../../plan/nat-plan.ts';

export type LocalPolicy = 'internal' | 'external';

/** A frontend that drops because its Service has endpoints only on other nodes. */
interface Lacking {
  readonly service: string;
  readonly group: string;
}

/** Counts Services with traffic policy Local and endpoints only on other nodes, by family and policy. */
export class NoLocalEndpoints {
  readonly #lacking = new Map<string, Lacking>();
  /** Group → Service → number of its frontends. */
  readonly #services = new Map<string, Map<string, number>>();

  /** @param changed keys that changed since the last call; null: any may have */
  update(plan: Pick<NatPlan, 'entry' | 'entries'>, changed: ReadonlySet<string> | null): void {
    if (changed !== null) {
      for (const key of changed) this.#put(key, plan.entry(key));
      return;
    }
    for (const key of [...this.#lacking.keys()]) if (plan.entry(key) === undefined) this.#put(key, undefined);
    for (const entry of plan.entries()) this.#put(entry.key, entry);
  }

  count(family: Family, policy: LocalPolicy): number {
    return this.#services.get(groupOf(family, policy))?.size ?? 0;
  }

  #put(key: string, entry: PlanEntry | undefined): void {
    const before = this.#lacking.get(key);
    const policy = entry?.kind === 'ServiceFrontend' ? lackingPolicy(entry) : null;
    if (before !== undefined) this.#move(before, -1);
    if (policy === null || entry?.kind !== 'ServiceFrontend') {
      if (before !== undefined) this.#lacking.delete(key);
      return;
    }
    const group = groupOf(familyOf(entry.tuple.address), policy);
    const lacking = { service: formatRef(entry.owner), group };
    this.#lacking.set(key, lacking);
    this.#move(lacking, 1);
  }

  #move({ service, group }: Lacking, by: 1 | -1): void {
    const services = this.#services.get(group) ?? new Map<string, number>();
    const count = (services.get(service) ?? 0) + by;
    if (count === 0) services.delete(service);
    else services.set(service, count);
    this.#services.set(group, services);
  }
}

/** `drop` means that endpoints exist on some node (src/plan/service.ts). */
function lackingPolicy({ origin, endpoints, localEndpoints, unserved }: ServiceFrontend): LocalPolicy | null {
  if (unserved !== 'drop') return null;
  if (origin === 'ClusterIP') return endpoints.length === 0 ? 'internal' : null;
  return localEndpoints?.length === 0 ? 'external' : null;
}

function groupOf(family: Family, policy: LocalPolicy): string {
  return `${family} ${policy}`;
}
