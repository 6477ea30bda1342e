import type { Unread } from '../datapath/datapath.ts';
import type { FactKind } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';

/** What the errors among the problems leave unknown; null where there are none. */
export function unreadIn(problems: readonly Finding[]): Unread | null {
  const errors = problems.filter(({ severity }) => severity === 'error');
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
