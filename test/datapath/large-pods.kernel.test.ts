import { beforeAll, expect, test } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import {
  cidr,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

beforeAll(() => enterFreshNamespace());

const addresses = Array.from({ length: 100 }, (_, index) => `203.0.113.${index + 1}`);

test('100 pods with 5 ranges of thousands of ports and 20 networks: others change meanwhile', async () => {
  const node = nodeFacts({
    nodeIPs: [ip('203.0.113.1')],
    localAddresses: addresses.map((each) => localAddress(each)),
  });
  const planner = new Planner(node, defaultPlanOptions);
  const datapath = NftablesDatapath.open();
  const { signal } = new AbortController();
  const web = (...endpoints: string[]) => present('EndpointSlice', slice(endpoints));
  planner.apply([present('Service', service({ ports: [servicePort(80)] })), web('10.244.2.5')]);
  await datapath.converge(planner.update(), signal);
  planner.apply(
    addresses.map((address, index) => {
      const allow = Array.from({ length: 20 }, (_, network) => cidr(`198.${index}.${2 * network}.0/24`));
      const entries = [11_000, 33_000, 43_000, 53_000, 20_300].map((first, place) =>
        natEntry({
          interfaceAuto: false,
          sourceIP: ip(address),
          sourcePort: portOf(first),
          destinationPort: portOf(place % 2 === 0 ? first : 1000 + place * 10_007),
          portCount: place === 0 || place === 4 ? 9_000 : 10_000,
          protocol: 'UDP',
          allow,
        }),
      );
      const fact = pod(entries, { name: `p${index}`, uid: `p${index}`, ips: [ip(`10.244.1.${index + 1}`)] });
      return present('Pod', fact);
    }),
  );
  // A Service changes between two steps, and each step has it: none waits for what is large.
  let steps = 0;
  let longest = 0;
  for (let isPartial: boolean | undefined = true; isPartial === true; steps++) {
    planner.apply([web('10.244.2.5', `10.244.3.${steps + 1}`)]);
    const plan = planner.update();
    const start = performance.now();
    const report = await datapath.converge(plan, signal, { stepwise: true });
    longest = Math.max(longest, performance.now() - start);
    isPartial = report.isPartial;
    const { changes } =
      steps % 8 === 0 || isPartial !== true ? await datapath.preview(plan, signal) : { changes: [] };
    expect(changes.filter(({ key }) => key === '10.96.0.10:80/TCP')).toEqual([]);
  }
  expect(steps).toBeGreaterThan(5);
  const { elements } = await datapath.inspect(signal);
  expect([...elements.values()].reduce((sum, count) => sum + count, 0)).toBeLessThan(10_000);
  expect(longest).toBeLessThan(1000);
  const { changes } = await datapath.preview(planner.update(), signal);
  expect(changes).toEqual([]);
  await datapath.remove(signal);
  datapath.close();
}, 60_000);

test('ranges of one address are programmed although a Service changes all the time', async () => {
  const node = nodeFacts({ nodeIPs: [ip('203.0.113.1')], localAddresses: [localAddress('203.0.113.1')] });
  const planner = new Planner(node, defaultPlanOptions);
  const datapath = NftablesDatapath.open();
  const { signal } = new AbortController();
  const web = (...endpoints: string[]) => present('EndpointSlice', slice(endpoints));
  planner.apply([present('Service', service({ ports: [servicePort(80)] })), web('10.244.2.5')]);
  await datapath.converge(planner.update(), signal);
  const entries = Array.from({ length: 250 }, (_, index) =>
    natEntry({
      sourcePort: portOf(10_301 + 4 * index),
      destinationPort: portOf(20_000 + 4 * index),
      portCount: 3,
      protocol: 'UDP',
    }),
  );
  planner.apply([present('Pod', pod(entries))]);
  let steps = 0;
  for (let isPartial: boolean | undefined = true; isPartial === true && steps < 40; steps++) {
    planner.apply([web('10.244.2.5', `10.244.3.${steps + 1}`)]);
    ({ isPartial } = await datapath.converge(planner.update(), signal, { stepwise: true }));
  }
  expect(steps).toBeGreaterThan(1);
  expect(steps).toBeLessThan(40);
  expect((await datapath.preview(planner.update(), signal)).changes).toEqual([]);
  await datapath.remove(signal);
  datapath.close();
}, 60_000);
