import type { PacketFate } from '../forms/walk.ts';
import type { ChangeJson } from '../forms/what-if.ts';
import { parseAddress } from '../net/address.ts';
import { type Port, parsePort } from '../net/port.ts';
import { endpointText } from '../plan/canonical.ts';
import type { PacketChange } from './classes.ts';

/** A class for each port of a binding of several ports, since the endpoint's port follows the packet's. */
export function changesJson(changes: readonly PacketChange[]): ChangeJson[] {
  return changes.flatMap(expanded).map((each) => ({
    class: each.class,
    before: each.before,
    after: each.after,
    because: each.because,
    flows: null,
  }));
}

type Plain = Pick<PacketChange, 'class' | 'before' | 'after' | 'because'>;

function expanded(change: PacketChange): readonly Plain[] {
  const { ports, outcome } = change.cell;
  if (!outcome.shifts.before && !outcome.shifts.after) return [change];
  return ports.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, offset): Plain => {
      const fate = (side: 'before' | 'after') =>
        outcome.shifts[side] ? shifted(change[side], offset) : change[side];
      const { class: packets, because } = change;
      return {
        class: { ...packets, ports: [String(first + offset)] },
        before: fate('before'),
        after: fate('after'),
        because,
      };
    }),
  );
}

function shifted(fate: PacketFate, offset: number): PacketFate {
  return { ...fate, endpoints: fate.endpoints.map((text) => shiftedEndpoint(text, offset)) };
}

/** The endpoint this many ports later. */
export function shiftedEndpoint(text: string, offset: number): string {
  const colon = text.lastIndexOf(':');
  const address = parseAddress(text.slice(0, colon).replace(/^\[|\]$/g, ''));
  const port: Port | null = parsePort(Number(text.slice(colon + 1)) + offset);
  if (address === null || port === null) throw new RangeError(`${text} has no port ${offset} further`);
  return endpointText({ address, port });
}
