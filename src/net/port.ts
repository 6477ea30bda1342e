declare const brand: unique symbol;

/** A transport port, 1 to 65535. Made only by `parsePort`. */
export type Port = number & { readonly [brand]: 'Port' };

/** The number as a port; null when it is no whole number from 1 to 65535. */
export function parsePort(value: number): Port | null {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? (value as Port) : null;
}

/** Ports `first` to `last`, both included. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** The ports of `spans` that are in none of `taken`: sorted, neither overlapping nor touching. */
export function portsWithout(spans: readonly PortSpan[], taken: readonly PortSpan[]): PortSpan[] {
  const left: { first: number; last: number }[] = [];
  for (const span of [...spans].sort((a, b) => a.first - b.first)) {
    const previous = left.at(-1);
    if (previous !== undefined && span.first <= previous.last + 1) {
      previous.last = Math.max(previous.last, span.last);
    } else left.push({ ...span });
  }
  return taken.reduce<PortSpan[]>(
    (rest, hole) =>
      rest.flatMap(({ first, last }) => {
        if (hole.last < first || hole.first > last) return [{ first, last }];
        const below = first < hole.first ? [{ first, last: hole.first - 1 }] : [];
        return last > hole.last ? [...below, { first: hole.last + 1, last }] : below;
      }),
    left,
  );
}
