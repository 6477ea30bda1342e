import { expect, test } from 'vitest';
import { ip, localAddress, natEntry, nodeFacts, pod, portOf, present } from '../../test/generators/build.ts';
import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { plannedPorts } from './port-watch.ts';

const own = ip('203.0.113.1');
const bound = ip('203.0.113.2');

function capacity(natPortRange: readonly PortSpan[] | null, address: IpAddress, portCount = 1): number {
  const node = nodeFacts({ nodeIPs: [own], localAddresses: [localAddress(own), localAddress(bound)] });
  const egress = { ...defaultPlanOptions.egress, natPortRange };
  const planner = new Planner(node, { ...defaultPlanOptions, egress });
  const sourcePort = portOf(20_000);
  const entry = natEntry({
    interfaceAuto: false,
    sourceIP: bound,
    sourcePort,
    destinationPort: sourcePort,
    portCount,
  });
  planner.apply([present('Pod', pod([entry]))]);
  return plannedPorts(planner.update())('TCP', address);
}

/** 1024 to 65535 without NodePorts, VXLAN and the port that the pod has. */
const FREE = 64_512 - 2768 - 1 - 1;
const range = [{ first: 20_000, last: 20_099 }].map(({ first, last }) => ({
  first: portOf(first),
  last: portOf(last),
}));

test.each([
  ['without natPortRange, those that nobody owns', capacity(null, own), FREE],
  ['a bound range is taken out', capacity(null, own, 1000), FREE - 999],
  ['with natPortRange, of these those that nobody owns', capacity(range, own), 99],
  ['a bound pod has all that nobody owns', capacity(range, bound), FREE],
])('%s', (_, counted, wanted) => {
  expect(counted).toBe(wanted);
});
