import type { FactChange } from '../../src/model/facts.ts';
import type { FelixConfigurationFact } from '../../src/model/felix-configuration.ts';
import type { PoolFact } from '../../src/model/pool.ts';
import { familyOf } from '../../src/net/address.ts';
import type { PortSpan } from '../../src/net/port.ts';
import { decideEgress } from '../../src/plan/egress-decision.ts';
import { scopeOf } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions, type EgressOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ip, localAddress, nodeFacts, pool, portOf, present } from './build.ts';

/** The objects that an egress decision depends on. */
export interface EgressGiven {
  readonly pools?: readonly PoolFact[];
  readonly options?: Partial<EgressOptions>;
  readonly felix?: Partial<FelixConfigurationFact>;
  readonly more?: readonly FactChange[];
  readonly reservedPorts?: readonly PortSpan[];
}

const NODE = nodeFacts({
  podCIDRs: [],
  localAddresses: ['192.0.2.10', '203.0.113.7', '203.0.113.8', '2001:db8::10'].map((one) =>
    localAddress(one),
  ),
});

/** The plan of a node without pod CIDRs, from these objects. */
export function planOf({ pools = [], options = {}, felix, more = [], reservedPorts = [] }: EgressGiven) {
  const planner = new Planner(
    { ...NODE, reservedPorts },
    {
      ...defaultPlanOptions,
      egress: { ...defaultPlanOptions.egress, ...options },
    },
  );
  planner.apply(pools.map((fact) => present('IPPool', fact)));
  if (felix !== undefined) planner.apply([present('FelixConfiguration', { ...NO_FELIX, ...felix })]);
  planner.apply(more);
  return planner.update();
}

const NO_FELIX: FelixConfigurationFact = {
  name: 'default',
  natPortRange: null,
  natOutgoingAddress: [],
  iptablesNATOutgoingInterfaceFilter: null,
  natOutgoingExclusions: null,
};

/** `masquerade`, `keep`, `drop`, or the address; and the rule or pool that decided. */
export function decide(
  given: EgressGiven,
  from: string,
  to: string,
  outInterface: string | null = null,
): [string, string] {
  const plan = planOf(given);
  const source = ip(from);
  const decision = decideEgress(scopeOf(plan, familyOf(source)), plan.egressSource(source), {
    source,
    destination: ip(to),
    protocol: 'TCP',
    port: portOf(443),
    outInterface,
  });
  const { outcome } = decision;
  const what = outcome.verdict === 'snat' ? outcome.to : outcome.verdict;
  switch (decision.by) {
    case 'rule':
      return [what, decision.choice.rule];
    case 'pool': {
      const { because, pool } = decision;
      const by = because !== null && 'exemptBy' in because ? because.exemptBy : pool;
      return [what, typeof by === 'string' ? by : (by?.name ?? 'ip-masq-agent')];
    }
    default:
      return [what, decision.by];
  }
}

export const nat = { natOutgoing: true };
export const pods = pool('pods', '10.244.0.0/16', nat);
export const six = pool('six', 'fd00:244::/48', nat);
export const OUTSIDE = '198.51.100.9';
export const OUTSIDE6 = '2001:db8:9::9';
export const POD = '10.244.1.1';
export const POD6 = 'fd00:244::1';
