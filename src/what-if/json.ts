import type { PacketFate } from '../forms/walk.ts';
import type { ChangeJson } from '../forms/what-if.ts';
import { parseAddress } from '../net/address.ts';
import { type Port, parsePort } from '../net/port.ts';
import { endpointText } from '../plan/canonical.ts';
import { classOf, type PacketChange } from './classes.ts';
import type { Connections } from './connections.ts';

/** A class for each port of a binding of several ports, since the endpoint's port follows the packet's. */
export function* eachChangeJson(
  changes: readonly PacketChange[],
  connections: Connections | null = null,
): Generator<ChangeJson> {
  for (const change of changes) yield* expanded(change, (port) => connections?.of(change, port) ?? null);
}

function expanded(
  change: PacketChange,
  flows: (port: number | null) => number | null,
): readonly ChangeJson[] {
  const { ports, outcome } = change.cell;
  const packets = classOf(change);
  const because = { before: outcome.because.before.text, after: outcome.because.after.text };
  if (!outcome.shifts.before && !outcome.shifts.after) {
    const { before, after } = outcome;
    return [{ class: packets, before, after, because, flows: flows(null) }];
  }
  return ports.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, offset): ChangeJson => {
      const fate = (side: 'before' | 'after') =>
        outcome.shifts[side] ? shifted(outcome[side], offset) : outcome[side];
      return {
        class: { ...packets, ports: [String(first + offset)] },
        before: fate('before'),
        after: fate('after'),
        because,
        flows: flows(first + offset),
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
