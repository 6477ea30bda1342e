import type { Unread } from '../datapath/datapath.ts';
import type { FactKind } from '../model/facts.ts';
import type { Problem } from '../model/problem.ts';

/** The open problems of all sources, by origin: each report of an origin replaces the one before. */
export class ProblemBoard {
  readonly #byOrigin = new Map<string, readonly Problem[]>();

  /** Takes over the report and gives those problems that were not there before. */
  replace(origin: string, problems: readonly Problem[]): Problem[] {
    const known = new Set((this.#byOrigin.get(origin) ?? []).map(identity));
    if (problems.length === 0) this.#byOrigin.delete(origin);
    else this.#byOrigin.set(origin, problems);
    return problems.filter((problem) => !known.has(identity(problem)));
  }

  /** What the errors leave unknown; null where there are none. */
  unread(): Unread | null {
    const errors = this.list().filter(({ severity }) => severity === 'error');
    if (errors.length === 0) return null;
    const kinds = new Set<FactKind>();
    const sliceNamespaces = new Set<string>();
    let anything = false;
    for (const { code, object } of errors) {
      if (object !== null) kinds.add(object.kind);
      else if (code === 'KNAT_IP_MASQ_AGENT_CONFIG') kinds.add('IpMasqAgent');
      else anything = true;
      if (object?.kind === 'EndpointSlice') sliceNamespaces.add(object.namespace);
    }
    return { kinds: [...kinds].sort(), anything, sliceNamespaces: [...sliceNamespaces].sort() };
  }

  list(): Problem[] {
    return [...this.#byOrigin.values()].flat();
  }
}

function identity(problem: Problem): string {
  return JSON.stringify([problem.code, problem.origin, problem.object, problem.field, problem.message]);
}

/** What was unread before and still is; null where that is nothing. What became unread since has its last good state. */
export function stillUnread(before: Unread | null, now: Unread | null): Unread | null {
  if (before === null || now === null) return null;
  const left: Unread = {
    kinds: before.kinds.filter((kind) => now.kinds.includes(kind)),
    anything: before.anything && now.anything,
    sliceNamespaces: before.sliceNamespaces.filter((namespace) => now.sliceNamespaces.includes(namespace)),
  };
  return left.anything || left.kinds.length > 0 ? left : null;
}
