declare const brand: unique symbol;

/** A transport port, 1 to 65535. Made only by `parsePort`. */
export type Port = number & { readonly [brand]: 'Port' };

/** Stands for the port of a protocol without ports, as in conntrack. The one Port that is not from 1 to 65535. */
export const NO_PORT = 0 as Port;

/** Null if the number is not an integer from 1 to 65535. */
export function parsePort(value: number): Port | null {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? (value as Port) : null;
}

/** Ports `first` to `last`, both included. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** `25`, `8000-8010`. */
export function formatSpan({ first, last }: PortSpan): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** The ports of `spans` that are not in `taken`, sorted; the result neither overlaps nor touches. Costs n log n. */
export function portsWithout(spans: readonly PortSpan[], taken: readonly PortSpan[]): PortSpan[] {
  const holes = joinedSpans(taken);
  const left: PortSpan[] = [];
  let hole = 0;
  for (const { first, last } of joinedSpans(spans)) {
    let next = first;
    while (hole < holes.length && (holes[hole] as PortSpan).last < next) hole++;
    for (let i = hole; i < holes.length && (holes[i] as PortSpan).first <= last; i++) {
      const taken = holes[i] as PortSpan;
      if (taken.first > next) left.push({ first: next, last: taken.first - 1 });
      next = taken.last + 1;
    }
    if (next <= last) left.push({ first: next, last });
  }
  return left;
}

/** The same ports as sorted spans; overlapping and touching ones are joined. */
export function joinedSpans(spans: readonly PortSpan[]): PortSpan[] {
  const whole: { first: number; last: number }[] = [];
  for (const { first, last } of [...spans].sort((a, b) => a.first - b.first)) {
    const previous = whole.at(-1);
    if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
    else whole.push({ first, last });
  }
  return whole;
}

/** The spans must not overlap. */
export function countPorts(spans: readonly PortSpan[]): number {
  return spans.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** The widest spans, at most this many, in their order. */
export function widestSpans(spans: readonly PortSpan[], most: number): readonly PortSpan[] {
  if (spans.length <= most) return spans;
  return [...spans]
    .sort((a, b) => b.last - b.first - (a.last - a.first) || a.first - b.first)
    .slice(0, most)
    .sort((a, b) => a.first - b.first);
}
