import fc from 'fast-check';
import { expect, test } from 'vitest';
import { egressNode, egressState } from '../../test/generators/egress-state.ts';
import { packetsOf, traffic } from '../../test/generators/traffic.ts';
import type { NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { type Protocol, protocolNumber } from '../net/protocol.ts';
import type { ServiceFrontend } from '../plan/entry.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import type { TrackedFlow } from '../wire/conntrack/entry.ts';
import { SourceDecisions } from './source-decision.ts';

interface Dial {
  readonly source: IpAddress;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

/** Flows of every source to every destination, with every frontend and none: those that share an answer are among them. */
function flowsOf(packets: readonly Dial[]): TrackedFlow[] {
  return packets.flatMap((from) =>
    packets
      .filter((to) => familyOf(to.address) === familyOf(from.source))
      .map(({ address, protocol, port }) => ({
        family: familyOf(address),
        protocol: protocolNumber[protocol],
        status: 0,
        original: { src: from.source, sport: 40_000, dst: address, dport: port },
        reply: { src: address, sport: port, dst: from.source, dport: 40_000 },
      })),
  );
}

/** Compares every flow with one that is looked at by itself; gives the number of flows that EgressRules speak of. */
function compare(planner: Planner, node: NodeFacts, flows: readonly TrackedFlow[]): number {
  const plan = planner.update();
  const remembering = new SourceDecisions(plan, node);
  const frontends: (ServiceFrontend | null)[] = [null];
  for (const entry of plan.entries()) if (entry.kind === 'ServiceFrontend') frontends.push(entry);
  for (const flow of flows) {
    for (const frontend of frontends.slice(0, 3)) {
      for (const isTranslated of [false, true]) {
        const anew = new SourceDecisions(plan, node).of(flow, isTranslated, frontend);
        expect(remembering.of(flow, isTranslated, frontend)).toEqual(anew);
      }
    }
  }
  return flows.filter(({ original }) => plan.egressSource(original.src) !== undefined).length;
}

test('decisions remembered from other flows equal the walk of this one', () => {
  let compared = 0;
  fc.assert(
    fc.property(traffic, (state) => {
      const planner = new Planner(state.node, defaultPlanOptions);
      planner.apply(state.changes);
      const flows = flowsOf(packetsOf(state, planner.update()));
      compare(planner, state.node, flows);
      compared += flows.length;
    }),
    { numRuns: 20 },
  );
  expect(compared).toBeGreaterThan(500);
});

test('with EgressRules and pools too', () => {
  let ruled = 0;
  fc.assert(
    fc.property(egressState, ({ changes, packets }) => {
      const planner = new Planner(egressNode, defaultPlanOptions);
      planner.apply(changes);
      ruled += compare(planner, egressNode, flowsOf(packets));
    }),
    { numRuns: 20 },
  );
  expect(ruled).toBeGreaterThan(20);
});
