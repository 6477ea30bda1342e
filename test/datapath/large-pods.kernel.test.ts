import { beforeAll, expect, test } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../../src/model/facts.ts';
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

const { signal } = new AbortController();
const node = nodeFacts({
  nodeIPs: [ip('203.0.113.1')],
  localAddresses: addresses.map((each) => localAddress(each)),
});
const web = (...endpoints: string[]) => present('EndpointSlice', slice(endpoints));

/** 100 pods, each with 5 ranges of thousands of ports of an address of its own and 20 networks. */
function largePods(): FactChange[] {
  return addresses.map((address, index) => {
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
  });
}

/** Milliseconds of the step, by the processor: the machine has other work too. */
async function timed<Result>(step: () => Promise<Result>) {
  const before = process.cpuUsage();
  const result = await step();
  const { user, system } = process.cpuUsage(before);
  return { result, processor: (user + system) / 1000 };
}

/** A Service changes before each step, and the step has it: none waits for what is large. */
async function steps(planner: Planner, datapath: NftablesDatapath) {
  const times: number[] = [];
  for (let isPartial: boolean | undefined = true; isPartial === true; ) {
    planner.apply([web('10.244.2.5', `10.244.3.${times.length + 1}`)]);
    const plan = planner.update();
    const { result, processor } = await timed(() => datapath.converge(plan, signal, { stepwise: true }));
    times.push(processor);
    isPartial = result.isPartial;
    if (times.length % 8 !== 1 && isPartial === true) continue;
    const { changes } = await datapath.preview(plan, signal);
    expect(changes.filter(({ key }) => key === '10.96.0.10:80/TCP')).toEqual([]);
  }
  return times;
}

function middle(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

test('100 pods with 5 ranges of thousands of ports and 20 networks: others change meanwhile', async () => {
  const planner = new Planner(node, defaultPlanOptions);
  const datapath = NftablesDatapath.open();
  planner.apply([present('Service', service({ ports: [servicePort(80)] })), web('10.244.2.5')]);
  await datapath.converge(planner.update(), signal);
  planner.apply(largePods());
  const times = await steps(planner, datapath);
  expect(times.length).toBeGreaterThan(5);
  const { elements } = await datapath.inspect(signal);
  expect([...elements.values()].reduce((sum, count) => sum + count, 0)).toBeLessThan(10_000);
  expect(middle(times)).toBeLessThan(50);
  const { changes } = await datapath.preview(planner.update(), signal);
  expect(changes).toEqual([]);
  // While all of it stands, others change as quickly as ever.
  planner.apply([web('10.244.2.6')]);
  const plan = planner.update();
  const { processor } = await timed(() => datapath.converge(plan, signal, { stepwise: true }));
  expect(processor).toBeLessThan(50);
  await datapath.remove(signal);
  datapath.close();
}, 60_000);

test('ranges of one address are programmed although a Service changes all the time', async () => {
  const single = nodeFacts({ nodeIPs: [ip('203.0.113.1')], localAddresses: [localAddress('203.0.113.1')] });
  const planner = new Planner(single, defaultPlanOptions);
  const datapath = NftablesDatapath.open();
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

test('at the first load and at a start, pods of normal size are in force before them', async () => {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply([
    present('Service', service({ ports: [servicePort(80)] })),
    web('10.244.2.5'),
    present('Pod', pod([natEntry({ sourcePort: portOf(25), destinationPort: portOf(25) })])),
  ]);
  planner.apply(largePods());
  const plan = planner.update();
  const first = NftablesDatapath.open();
  const report = await first.converge(plan, signal, { stepwise: true });
  expect(report).toMatchObject({ skeleton: 'loaded', isPartial: true });
  const { changes: left } = await first.preview(plan, signal);
  expect(left.filter(({ what }) => what === 'delete')).toEqual([]);
  expect(left.length).toBeGreaterThan(1000);
  expect(new Set(left.map(({ key }) => key?.match(/:\d+-\d+\//) !== null))).toEqual(new Set([true]));
  first.close();
  // Another agent goes on where the first was killed; and one that finds everything writes nothing.
  const second = NftablesDatapath.open();
  const rest = await second.converge(plan, signal, { stepwise: true });
  expect(rest).toMatchObject({ skeleton: 'kept', elementsDeleted: 0, isPartial: true });
  await second.converge(plan, signal);
  expect((await second.preview(plan, signal)).changes).toEqual([]);
  second.close();
  const third = NftablesDatapath.open();
  const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
  const all = await third.converge(plan, signal, { stepwise: true });
  expect(all).toMatchObject(nothing);
  expect(all.isPartial).toBeUndefined();
  await third.remove(signal);
  // Whoever asks for no steps has it all when it is said to be done.
  const whole = await third.converge(plan, signal);
  expect(whole).toMatchObject({ skeleton: 'loaded', compared: 'everything' });
  expect((await third.preview(plan, signal)).changes).toEqual([]);
  await third.remove(signal);
  third.close();
}, 60_000);
