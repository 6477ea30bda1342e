import type { NodeFacts } from '../model/node.ts';
import type { IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { countPorts, type PortSpan, portsWithout, widestSpans } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import { type FreePorts, type SourcePorts, sourcePortsKey } from './entry.ts';
import type { Fragment, Notice } from './fragment.ts';
import type { PlanOptions } from './options.ts';
import { listenedPorts, type OwnedPorts } from './owned-ports.ts';

/** What translated connections come from where nothing else is said: those below are the host's. */
const EVERY_PORT: PortSpan = Object.freeze({ first: 1024, last: 65535 });

/** Spans of free ports that are told to the kernel, of each protocol; of more the widest. */
export const MOST_SPANS = 512;

/**
 * So many ports of a protocol stay for translated connections whatever pods bind, or a quarter of those that were asked
 * for where these are fewer.
 */
export const FEWEST_FREE = 1024;

export interface SourcePortFacts {
  readonly node: Pick<NodeFacts, 'nodeName' | 'nodeIPs' | 'listeners' | 'reservedPorts'>;
  /** Of Services and pods. */
  readonly owned: Iterable<OwnedPorts>;
  /** natPortRange without what is always taken out of it; empty: not set. */
  readonly egress: readonly PortSpan[];
}

/** The ports that translated connections may have, of both families: docs/adr/0009-source-ports.md. */
export function sourcePortsFragment(
  { node, owned, egress }: SourcePortFacts,
  options: PlanOptions,
): Fragment {
  const groups = groupsOf([...owned, ...listenedPorts(node.listeners)]);
  const reserved = [...options.egress.excludedPorts, ...node.reservedPorts];
  const every = portsWithout([EVERY_PORT], reserved);
  const notices: Notice[] = [];
  const entries = FAMILIES.map((family): SourcePorts => {
    const primary = new Set(node.nodeIPs);
    const free = (wanted: readonly PortSpan[], what: string): FreePorts => {
      const byProtocol = PROTOCOLS.map((protocol): [Protocol, readonly PortSpan[]] => {
        const taken = groups.get(`${family} ${protocol}`) ?? [];
        const { spans, isShort } = freeSpans(wanted, taken, primary);
        if (isShort) notices.push(shortage(node.nodeName, family, protocol, what, spans));
        return [protocol, widestSpans(spans, MOST_SPANS)];
      });
      return Object.fromEntries(byProtocol) as Record<Protocol, readonly PortSpan[]>;
    };
    return {
      kind: 'SourcePorts',
      key: sourcePortsKey(family),
      family,
      any: free(every.length === 0 ? [EVERY_PORT] : every, 'translated connections'),
      egress: egress.length === 0 ? null : free(egress, 'natPortRange'),
    };
  });
  return { entries, notices };
}

/**
 * The wanted ports that nobody has on any address. Where too few are left, first ranges count no more that are bound to
 * other addresses than the node's first, then no ranges; single ports always count, unless nothing at all would be left.
 */
function freeSpans(
  wanted: readonly PortSpan[],
  taken: readonly OwnedPorts[],
  primary: ReadonlySet<IpAddress>,
): { readonly spans: readonly PortSpan[]; readonly isShort: boolean } {
  const all = portsWithout(wanted, taken);
  const fewest = Math.min(FEWEST_FREE, Math.ceil(countPorts(wanted) / 4));
  if (countPorts(all) >= fewest) return { spans: all, isShort: false };
  const isSingle = ({ first, last }: PortSpan) => first === last;
  const steps = [
    taken.filter((each) => isSingle(each) || each.address === null || primary.has(each.address)),
    taken.filter(isSingle),
    [],
  ];
  for (const step of steps) {
    const spans = portsWithout(wanted, step);
    if (countPorts(spans) >= fewest) return { spans, isShort: true };
  }
  return { spans: portsWithout(wanted, []), isShort: true };
}

function shortage(
  node: string,
  family: Family,
  protocol: Protocol,
  what: string,
  left: readonly PortSpan[],
): Notice {
  return {
    reason: 'NatInvalid',
    object: { kind: 'Node', namespace: '', name: node },
    message:
      `ports of ${family} ${protocol}: so many are bound or in use on this node that too few are left for ${what}: ` +
      `${countPorts(left)} are used, ports of bound ranges among them; let pods bind fewer`,
  };
}

function groupsOf(owned: readonly OwnedPorts[]): ReadonlyMap<string, OwnedPorts[]> {
  const groups = new Map<string, OwnedPorts[]>();
  for (const each of owned) {
    const name = `${each.family} ${each.protocol}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [each]);
    else group.push(each);
  }
  return groups;
}
