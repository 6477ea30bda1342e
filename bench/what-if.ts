/**
 * npm run bench:what-if -- --services N --endpoints N -o json
 *
 * What a change of one object does to packets: from the change to the answer, beyond reading and planning the state before.
 * It needs no kernel and no rights. bench/README.md says what is not measured.
 */
import { parseArgs } from 'node:util';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { streamedWhatIf, whatIfOn } from '../src/what-if/answer.ts';
import { planChange } from '../src/what-if/planned.ts';
import { absent, egressRuleFact, natEntry, pod, pool, portOf, present } from '../test/generators/build.ts';
import { node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { costOfEach } from './cost.ts';

const REPEATS = 10;
/** At most this many Services change at once. */
const MANY = 20_000;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    endpoints: { type: 'string', default: '3' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);

const planner = new Planner(node, defaultPlanOptions);
planner.apply([present('IPPool', pool('pods', '10.128.0.0/9', { natOutgoing: true }))]);
for (let index = 0; index < services; index++) {
  planner.apply([
    present('Service', serviceFact(index)),
    present('EndpointSlice', sliceFact(index, endpoints)),
  ]);
}
planner.update();

const [web] = [serviceFact(7)];
const [port] = web.ports;
if (port === undefined) throw new RangeError('a Service has a port');
const bound = pod([natEntry({ sourceIP: node.nodeIPs[0] ?? null, interfaceAuto: false })], {
  nodeName: node.nodeName,
});

const cases: Readonly<Record<string, readonly FactChange[]>> = {
  endpointChange: [present('EndpointSlice', sliceFact(7, endpoints, 1))],
  serviceGone: [absent('Service', `${web.namespace}/${web.name}`)],
  nodePort: [present('Service', { ...web, ports: [{ ...port, nodePort: portOf(30_080) }] })],
  podBinding: [present('Pod', bound)],
  egressRule: [present('EgressRule', egressRuleFact({ pools: ['pods'] }))],
  poolWithoutNat: [present('IPPool', pool('pods', '10.128.0.0/9'))],
};

/** Changes whose answer grows with the change: every second or every Service, and a pool that every endpoint is in. */
const large: Readonly<Record<string, readonly FactChange[]>> = {
  endpointsOfMany: many((index) => present('EndpointSlice', sliceFact(index, endpoints, 1))),
  servicesGone: many((index) =>
    absent('Service', `${serviceFact(index).namespace}/${serviceFact(index).name}`),
  ),
  poolOfMany: [present('IPPool', pool('more', '10.0.0.0/8', { natOutgoing: true }))],
};

function many(change: (index: number) => FactChange): FactChange[] {
  return Array.from({ length: Math.min(services, MANY) }, (_, index) => change(index));
}

const result: Record<string, unknown> = { services, endpoints };
await measure(cases, REPEATS);
await measure(large, 1);

async function measure(of: typeof cases, repeats: number): Promise<void> {
  for (const [name, changes] of Object.entries(of)) {
    let classes = 0;
    const cost = await costOfEach(repeats, async () => {
      classes = [...streamedWhatIf(whatIfOn(planChange(planner, changes, node, () => null))).changes].length;
    });
    result[name] = { changed: changes.length, classes, ...cost };
  }
}
process.stdout.write(
  values.output === 'json'
    ? `${JSON.stringify(result, null, 2)}\n`
    : `${Object.entries(result)
        .map(([name, value]) => `${name.padEnd(14)} ${JSON.stringify(value)}`)
        .join('\n')}\n`,
);
