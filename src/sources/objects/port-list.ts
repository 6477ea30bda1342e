/** Ports `first` to `last`, both included; not yet checked to be ports. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Reads `10000-10100`; null when it is not two numbers of at most five digits. */
export function parsePortRange(text: string): PortRange | null {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  return match === null ? null : { first: Number(match[1]), last: Number(match[2]) };
}

/** Reads `22,53,30000-32767`, white space allowed; parts that are no ports are left out. */
export function parsePortList(text: string): readonly PortRange[] {
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const trimmed = part.trim();
    if (/^\d{1,5}$/.test(trimmed)) ranges.push({ first: Number(trimmed), last: Number(trimmed) });
    else {
      const range = parsePortRange(trimmed);
      if (range !== null) ranges.push(range);
    }
  }
  return ranges;
}

/** The form that `parsePortList` reads. */
export function formatPortList(ranges: readonly PortRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** True when a port of the range is in one of the ranges. */
export function rangesOverlap(ranges: readonly PortRange[], range: PortRange): boolean {
  return ranges.some(({ first, last }) => first <= range.last && range.first <= last);
}
