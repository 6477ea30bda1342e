import fc from 'fast-check';
import { expect, test } from 'vitest';
import { egressNode, egressState } from '../../test/generators/egress-state.ts';
import { addressNumber, familyOf } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import { protocolNumber } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import { cellsOf } from './egress-cells.ts';
import { decideEgress, type EgressPacket } from './egress-decision.ts';
import type { EgressCell, EgressSource } from './entry.ts';
import { scopeOf } from './nat-plan.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

function planOf(state: { readonly changes: Parameters<Planner['apply']>[0] }) {
  const planner = new Planner(egressNode, defaultPlanOptions);
  planner.apply(state.changes);
  return planner.update();
}

/** What the kernel finds: a cell, or the rest where the destination is not exempt. */
function lookedUp(source: EgressSource, exempt: boolean, packet: EgressPacket) {
  const number = addressNumber(packet.destination);
  const protocol = packet.protocol === null ? 1 : protocolNumber[packet.protocol];
  const hits = source.cells.filter(
    ({ destinations, protocols, ports }) =>
      destinations.first <= number &&
      number <= destinations.last &&
      protocols.first <= protocol &&
      protocol <= protocols.last &&
      ports.first <= (packet.port ?? 12345) &&
      (packet.port ?? 12345) <= ports.last,
  );
  expect(hits.length).toBeLessThanOrEqual(1);
  return hits[0]?.outcome ?? (exempt ? null : source.rest);
}

test('maps without order find the same as the ordered rules', () => {
  let byRule = 0;
  fc.assert(
    fc.property(egressState, fc.boolean(), (state, isPing) => {
      const plan = planOf(state);
      for (const { source, address: destination, protocol, port } of state.packets) {
        const scope = scopeOf(plan, familyOf(source));
        const of = plan.egressSource(source);
        const ended = isPing
          ? { protocol: null, port: null }
          : { protocol, port: port as EgressPacket['port'] };
        const packet: EgressPacket = { source, destination, ...ended, outInterface: null };
        const decision = decideEgress(scope, of, packet);
        const found =
          of === undefined ? null : lookedUp(of, setContains(scope.egressExempt, destination), packet);
        expect(found).toEqual(decision.by === 'rule' ? decision.outcome : null);
        if (decision.by === 'rule') byRule++;
      }
    }),
    { numRuns: 1500 },
  );
  expect(byRule).toBeGreaterThan(1000);
});

test('cells of a source do not overlap, and neither do sources', () => {
  fc.assert(
    fc.property(egressState, (state) => {
      const plan = planOf(state);
      const sources = [...plan.entries()].filter((entry) => entry.kind === 'EgressSource');
      for (const family of FAMILIES) {
        const sorted = sources
          .filter((source) => source.family === family)
          .sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
        for (const [index, { range, cells }] of sorted.entries()) {
          const next = sorted[index + 1];
          if (next !== undefined) expect(next.range.first).toBeGreaterThan(range.last);
          for (const [place, cell] of cells.entries()) {
            for (const other of cells.slice(place + 1)) expect(overlaps(cell, other)).toBe(false);
          }
        }
      }
    }),
    { numRuns: 500 },
  );
});

function overlaps(a: EgressCell, b: EgressCell): boolean {
  return (
    a.destinations.first <= b.destinations.last &&
    b.destinations.first <= a.destinations.last &&
    a.protocols.first <= b.protocols.last &&
    b.protocols.first <= a.protocols.last &&
    a.ports.first <= b.ports.last &&
    b.ports.first <= a.ports.last
  );
}

test('a rule for a network costs one cell, whatever its protocols', () => {
  const family = 'IPv4' as const;
  const cidr = { family, address: '198.51.100.0', length: 24 } as never;
  const choice = { rule: 'r', reason: '', outcome: { verdict: 'keep' }, fallback: null } as const;
  const exempt = { family, ranges: [] };
  const all = cellsOf(family, [{ ...choice, to: [{ cidr, protocol: null, ports: null }] }], exempt);
  expect(all.cells).toMatchObject([{ protocols: { first: 0, last: 255 }, ports: { first: 0, last: 65535 } }]);
  const one = cellsOf(
    family,
    [{ ...choice, to: [{ cidr, protocol: 'UDP', ports: { first: 53, last: 53 } }] }],
    exempt,
  );
  expect(one.cells).toMatchObject([{ protocols: { first: 17, last: 17 }, ports: { first: 53, last: 53 } }]);
});
