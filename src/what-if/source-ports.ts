import type { IpAddress } from '../net/address.ts';
import { joinedSpans, type Port, type PortSpan, parsePort, portsWithout } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { PodSourcePort } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import type { Comparison } from './comparison.ts';
import { type Both, SIDES } from './sides.ts';

/** Source ports with the same return address. Port 0 stands for a source port that is not known. */
export interface SourcePortCell {
  readonly spans: readonly PortSpan[];
  /** Undefined: a port of no binding, or not known. */
  readonly representative: Port | undefined;
}

export const EVERY_SOURCE_PORT: readonly PortSpan[] = Object.freeze([{ first: 0, last: 65535 }]);

const everyPort: readonly SourcePortCell[] = Object.freeze([
  { spans: EVERY_SOURCE_PORT, representative: undefined },
]);

/** Ports of a pod's own bindings matter only if the packet would leave with another address from other ports. */
export function sourcePortCells(
  { before, after }: Comparison,
  ports: Both<ReadonlyMap<IpAddress, readonly PodSourcePort[]>>,
  address: IpAddress,
  protocol: Protocol,
): readonly SourcePortCell[] {
  const here = SIDES.flatMap((side) =>
    (ports[side].get(address) ?? []).filter(({ tuple }) => tuple.protocol === protocol),
  );
  if (here.length === 0) return everyPort;
  const becomes = (port: Port | undefined) =>
    [before, after].map(({ plan }) => {
      const own = port === undefined ? undefined : plan.sourceAt({ address, protocol, port });
      if (own !== undefined) return own.snat.address;
      const bound = plan.entry(podSourceKey(address, protocol));
      return bound?.kind === 'PodSource' ? bound.snat : '-';
    });
  const usual = becomes(undefined).join(' ');
  const cells = new Map<string, { spans: PortSpan[]; representative: Port }>();
  for (const span of elementarySpans(here.map(({ tuple, portCount }) => spanFrom(tuple.port, portCount)))) {
    const representative = parsePort(span.first);
    if (representative === null) continue;
    const key = becomes(representative).join(' ');
    if (key === usual) continue;
    const known = cells.get(key);
    if (known === undefined) cells.set(key, { spans: [span], representative });
    else known.spans.push(span);
  }
  const special = [...cells.values()].map(({ spans, representative }) => {
    return { spans: joinedSpans(spans), representative };
  });
  const taken = special.flatMap(({ spans }) => spans);
  return [{ spans: portsWithout(EVERY_SOURCE_PORT, taken), representative: undefined }, ...special];
}

export function spanFrom(first: number, count: number): PortSpan {
  return { first, last: first + count - 1 };
}

/** The ports of the spans, cut wherever one of them begins or ends. */
export function elementarySpans(spans: readonly PortSpan[]): PortSpan[] {
  const starts = new Set(spans.flatMap(({ first, last }) => [first, last + 1]));
  const cuts = [...starts].sort((a, b) => a - b);
  return cuts
    .slice(0, -1)
    .map((first, index) => ({ first, last: (cuts[index + 1] ?? first) - 1 }))
    .filter(({ first }) => spans.some((span) => span.first <= first && first <= span.last));
}
