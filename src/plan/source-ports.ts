import { grouped } from '../base/collect.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { countPorts, type PortSpan, portsWithout, widestSpans } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { FreePorts, SourcePorts } from './entry.ts';
import { sourcePortsKey } from './entry-key.ts';
import type { Fragment } from './fragment.ts';
import type { PlanOptions } from './options.ts';
import { listenedPorts, type OwnedPorts } from './owned-ports.ts';

/** The source ports of translated connections by default; those below are the host's. */
const EVERY_PORT: PortSpan = Object.freeze({ first: 1024, last: 65535 });

/** Spans of free ports in the kernel for each protocol; if there are more, the widest. */
export const MOST_SPANS = 512;

/**
 * Translated connections keep at least this many ports of a protocol (or a quarter of the wanted ports, if fewer), even
 * if pods bind more.
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
      return byProtocol((protocol) => {
        const taken = groups.get(`${family} ${protocol}`) ?? [];
        const { spans, isShort } = freeSpans(wanted, taken);
        if (isShort) notices.push(shortage(node.nodeName, family, protocol, what, spans));
        return spans;
      });
    };
    const any = free(every, 'translated connections');
    const ranged = egress.length === 0 ? null : withAny(free(egress, 'natPortRange'), any);
    const ofEgress = options.enable.egress ? ranged : NO_PORTS;
    return { kind: 'SourcePorts', key: sourcePortsKey(family), family, any, egress: ofEgress };
  });
  return { entries, notices };
}

/** The ports of translated connections without natPortRange. If the host reserves all of them, all are used. */
export function everyPort(
  { reservedPorts }: Pick<NodeFacts, 'reservedPorts'>,
  { egress }: Pick<PlanOptions, 'egress'>,
): readonly PortSpan[] {
  const left = portsWithout([EVERY_PORT], [...egress.excludedPorts, ...reservedPorts]);
  return left.length === 0 ? [EVERY_PORT] : left;
}

const NO_PORTS: FreePorts = { TCP: [], UDP: [], SCTP: [] };

/** If programs of the host use all of natPortRange, ports outside it are used rather than theirs. */
function withAny(ranged: FreePorts, any: FreePorts): FreePorts {
  return byProtocol((protocol) => (ranged[protocol].length === 0 ? any[protocol] : ranged[protocol]));
}

function byProtocol(portsOf: (protocol: Protocol) => readonly PortSpan[]): FreePorts {
  return { TCP: portsOf('TCP'), UDP: portsOf('UDP'), SCTP: portsOf('SCTP') };
}

/**
 * The wanted ports without an owner on any address; if there are too many spans, the widest. If too few ports are left,
 * as few claims of objects as possible are ignored: those of the namespace with the most ports first, the widest first.
 * Ports of the host's programs always count.
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

/** The order depends on the claims alone. */
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
