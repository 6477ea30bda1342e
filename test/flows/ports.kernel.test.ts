import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PortUsageSample } from '../../src/forms/flows.ts';
import { askAgent } from '../../src/observe/client.ts';
import { nft } from '../netns/namespace.ts';
import { FlowsStage, NODE, OTHER_POD, PLACE, POD, PORT, pods, until } from './flows-stage.ts';

const PORTS = 2_000;
let stage: FlowsStage;

beforeAll(async () => {
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => stage.dispose());

/** An SNAT rule of another table, with as many ports as the agent's options say. */
const narrow = `table ip narrow {
  chain postrouting {
    type nat hook postrouting priority 90;
    ip saddr 10.244.0.0/16 ip daddr ${PLACE} meta l4proto udp snat to ${NODE}:20000-${20_000 + PORTS - 1} fully-random
  }
}`;

async function dialMany(from: string, count: number): Promise<{ answered: number; timeout: number }> {
  const tally = await stage.flat.clients
    .probe()
    .dialMany(count, { from, to: PLACE, port: PORT, protocol: 'UDP', timeoutMs: 3000 });
  const answered = Object.values(tally.answeredBy).reduce((sum, each) => sum + each, 0);
  return { answered, timeout: tally.timeout };
}

/** Flows in conntrack that have another source towards the place. */
async function mappings(from = ''): Promise<number> {
  const { flows } = await stage.list({ address: PLACE, protocol: 'udp' });
  return flows.filter(({ original, sourceNat }) => sourceNat !== null && original.source.startsWith(from))
    .length;
}

async function sample(): Promise<PortUsageSample | null> {
  return await askAgent('/flows/ports');
}

/** Values of a metric, as the API has them. */
async function gauges(name: string): Promise<readonly { labels: object; value: number | null }[]> {
  const { items } = await askAgent('/metrics');
  return (items.find((one) => one.name === name)?.values ?? []).map(({ labels, value }) => ({
    labels,
    value,
  }));
}

test('the ports of a range fill up: they are counted, a warning names the pods, and then new flows fail', async () => {
  await stage.flat.node.run(['nft', '-f', '-'], narrow);
  expect(nft('list table ip narrow', ['-s'])).toContain('snat to');
  await stage.start(pods, { portCapacity: () => PORTS, lookEvery: 300 });
  const timeouts = [
    'net.netfilter.nf_conntrack_udp_timeout',
    'net.netfilter.nf_conntrack_udp_timeout_stream',
  ];
  await stage.flat.node.sysctl(Object.fromEntries(timeouts.map((name) => [name, 600])));
  await dialMany(POD, 900);
  await dialMany(OTHER_POD, 300);
  const warnings = async () =>
    (await stage.status()).problems.filter(({ code }) => code === 'KNAT_PORTS_NEARLY_TAKEN');
  // A few source ports come twice, which makes one flow of two.
  const flows = await mappings();
  expect(flows).toBeGreaterThan(1_100);
  await until(async () => (await sample())?.tuples[0]?.used === flows);
  expect((await sample())?.tuples[0]).toMatchObject({
    protocol: 'UDP',
    address: NODE,
    destination: PLACE,
    destinationPort: PORT,
    used: flows,
    capacity: PORTS,
    share: flows / PORTS,
    sources: [
      { name: 'Pod shop/web-0', flows: await mappings(POD) },
      { name: 'Pod shop/web-1', flows: await mappings(OTHER_POD) },
    ],
  });
  expect(await warnings()).toEqual([]);
  const labels = { protocol: 'UDP', address: NODE };
  expect(await gauges('knat_source_ports_used')).toEqual([{ labels, value: flows }]);
  expect(await gauges('knat_source_ports_used_ratio')).toEqual([{ labels, value: flows / PORTS }]);
  const [entries] = await gauges('knat_conntrack_entries');
  expect(entries?.value).toBeGreaterThanOrEqual(flows);

  await dialMany(POD, 320);
  await until(async () => (await warnings()).length > 0);
  expect((await warnings())[0]?.message).toBe(
    `source ports run out: from ${NODE} to ${PLACE}:${PORT}/UDP 70 % or more of ${PORTS} are taken, ` +
      'most of them by Pod shop/web-0, Pod shop/web-1',
  );

  // Until no port is left: then flows vanish silently, which is the reason for the warning.
  const rest = await dialMany(OTHER_POD, 700);
  expect(rest.timeout).toBeGreaterThan(50);
  await until(async () => ((await sample())?.tuples[0]?.share ?? 0) > 0.9);
  expect((await sample())?.tuples[0]?.used).toBeLessThanOrEqual(PORTS);
});
