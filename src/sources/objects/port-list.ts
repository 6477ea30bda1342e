import { formatSpan, type PortSpan } from '../../net/port.ts';

/** Reads `10000-10100`, not yet checked to be ports; null unless it is two numbers of at most five digits. */
export function parsePortRange(text: string): PortSpan | null {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  return match === null ? null : { first: Number(match[1]), last: Number(match[2]) };
}

/** Reads `22,53,30000-32767`, white space allowed; parts that are no ports are left out. */
export function parsePortList(text: string): readonly PortSpan[] {
  const ranges: PortSpan[] = [];
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
export function formatPortList(ranges: readonly PortSpan[]): string {
  return ranges.map(formatSpan).join(',');
}

/** True when a port of the range is in one of the ranges. */
export function rangesOverlap(ranges: readonly PortSpan[], range: PortSpan): boolean {
  return ranges.some(({ first, last }) => first <= range.last && range.first <= last);
}
