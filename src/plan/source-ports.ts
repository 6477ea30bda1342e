import { grouped } from '../base/collect.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { countPorts, type PortSpan, portsWithout, widestSpans } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import type { FreePorts, SourcePorts } from './entry.ts';
import { sourcePortsKey } from './entry-key.ts';
import type { Fragment } from './fragment.ts';
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
  readonly node: Pick<NodeFacts, 'nodeName' | 'listeners' | 'reservedPorts'>;
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
  const groups = grouped(
    [...owned, ...listenedPorts(node.listeners)],
    ({ family, protocol }) => `${family} ${protocol}`,
  );
  const every = everyPort(node, options);
  const notices: Notice[] = [];
  const entries = FAMILIES.map((family): SourcePorts => {
    const free = (wanted: readonly PortSpan[], what: string): FreePorts => {
      const byProtocol = PROTOCOLS.map((protocol): [Protocol, readonly PortSpan[]] => {
        const taken = groups.get(`${family} ${protocol}`) ?? [];
        const { spans, isShort } = freeSpans(wanted, taken);
        if (isShort) notices.push(shortage(node.nodeName, family, protocol, what, spans));
        return [protocol, spans];
      });
      return Object.fromEntries(byProtocol) as Record<Protocol, readonly PortSpan[]>;
    };
    const any = free(every, 'translated connections');
    const ranged = egress.length === 0 ? null : free(egress, 'natPortRange');
    const ofEgress = options.enable.egress ? withAny(ranged, any) : NO_PORTS;
    return { kind: 'SourcePorts', key: sourcePortsKey(family), family, any, egress: ofEgress };
  });
  return { entries, notices };
}

/** What translated connections may have where no natPortRange says more; of a host that reserves all, all. */
export function everyPort(
  { reservedPorts }: Pick<NodeFacts, 'reservedPorts'>,
  { egress }: Pick<PlanOptions, 'egress'>,
): readonly PortSpan[] {
  const left = portsWithout([EVERY_PORT], [...egress.excludedPorts, ...reservedPorts]);
  return left.length === 0 ? [EVERY_PORT] : left;
}

/** Egress NAT is off: nothing leaves with them. */
const NO_PORTS: FreePorts = { TCP: [], UDP: [], SCTP: [] };

/** Where programs of the host have all of natPortRange, a port outside of it hurts less than one of theirs. */
function withAny(ranged: FreePorts | null, any: FreePorts): FreePorts | null {
  if (ranged === null) return null;
  const byProtocol = PROTOCOLS.map((protocol): [Protocol, readonly PortSpan[]] => [
    protocol,
    ranged[protocol].length === 0 ? any[protocol] : ranged[protocol],
  ]);
  return Object.fromEntries(byProtocol) as Record<Protocol, readonly PortSpan[]>;
}

/**
 * The wanted ports that nobody has on any address; of many spans the widest. Where too few are left, claims of objects count
 * no more, as few as it takes: of the namespace that has the most ports first, the widest first. So who binds nearly all
 * ports loses their safety himself. Ports of programs of the host always count.
 */
function freeSpans(
  wanted: readonly PortSpan[],
  taken: readonly OwnedPorts[],
): { readonly spans: readonly PortSpan[]; readonly isShort: boolean } {
  const without = (owned: readonly OwnedPorts[]) => widestSpans(portsWithout(wanted, owned), MOST_SPANS);
  const fewest = Math.min(FEWEST_FREE, Math.ceil(countPorts(wanted) / 4));
  const all = without(taken);
  if (countPorts(all) >= fewest) return { spans: all, isShort: false };
  const hosts = taken.filter(({ namespace }) => namespace === null);
  const claims = greediestFirst(taken.filter(({ namespace }) => namespace !== null));
  const withoutFirst = (count: number) => without([...hosts, ...claims.slice(count)]);
  let [tooFew, enough] = [0, claims.length];
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    if (countPorts(withoutFirst(middle)) >= fewest) enough = middle;
    else tooFew = middle;
  }
  return { spans: withoutFirst(enough), isShort: true };
}

/** In an order that depends on nothing but the claims. */
function greediestFirst(claims: readonly OwnedPorts[]): OwnedPorts[] {
  const totals = new Map<string | null, number>();
  for (const claim of claims) {
    totals.set(claim.namespace, (totals.get(claim.namespace) ?? 0) + countPorts([claim]));
  }
  const total = ({ namespace }: OwnedPorts) => totals.get(namespace) ?? 0;
  return [...claims].sort(
    (a, b) =>
      total(b) - total(a) ||
      Number((a.namespace ?? '') > (b.namespace ?? '')) - Number((a.namespace ?? '') < (b.namespace ?? '')) ||
      countPorts([b]) - countPorts([a]) ||
      a.first - b.first,
  );
}

function shortage(
  node: string,
  family: Family,
  protocol: Protocol,
  what: string,
  left: readonly PortSpan[],
): Notice {
  return findingOf(
    'NatInvalid',
    refOf('Node', { name: node }),
    `ports of ${family} ${protocol}: so many are bound or in use on this node that too few are left for ${what}: ` +
      `${countPorts(left)} are used, ports of bound ranges among them; let pods bind fewer`,
  );
}
