import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FAMILIES } from '../../src/net/family.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ip, nodeFacts, portOf, service, servicePort, slice } from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { Stage } from '../netns/stage.ts';

const signal = new AbortController().signal;
const MOST = 7;
const FLOWS = 3_000;

/**
 * The most that chi-square may be. A fair choice among up to seven exceeds it once in more than a billion runs; a slot that is
 * drawn twice as often as the others makes it larger than 200.
 */
const BOUND = 65;

const families = {
  IPv4: {
    clusterIP: ip('10.96.0.10'),
    endpoints: Array.from({ length: MOST }, (_, i) => `10.244.1.${i + 1}`),
    client: ip('198.51.100.1'),
  },
  IPv6: {
    clusterIP: ip('fd00:10:96::a'),
    endpoints: Array.from({ length: MOST }, (_, i) => `fd00:10:244::${i + 1}`),
    client: ip('2001:db8:198::1'),
  },
} as const;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  const { IPv4, IPv6 } = families;
  await stage.setUp({
    nodeAddresses: [ip('203.0.113.1'), ip('2001:db8::1')],
    sources: [IPv4.client, IPv6.client],
    targets: [...IPv4.endpoints, ...IPv6.endpoints].map((text) => {
      return { address: ip(text), protocol: 'UDP' as const, port: 8080 };
    }),
  });
});

afterAll(() => stage.dispose());

beforeEach(() => {
  forgetConnections(); // a source port that comes again is a new flow
});

async function program(count: number): Promise<void> {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  for (const family of FAMILIES) {
    const ports = [{ name: '', protocol: 'UDP' as const, port: portOf(8080) }];
    const fact = slice(families[family].endpoints.slice(0, count), { name: `web-${family}`, family, ports });
    planner.apply([{ kind: 'EndpointSlice', key: `shop/web-${family}`, fact }]);
  }
  const clusterIPs = FAMILIES.map((family) => families[family].clusterIP);
  const fact = service({ clusterIPs, ports: [servicePort(80, { protocol: 'UDP' })] });
  planner.apply([{ kind: 'Service', key: 'shop/web', fact }]);
  await stage.datapath.converge(planner.update(), signal);
}

// 2 and 3: slots of 4, drawn again by three; 4: each slot once; 5 and 7: slots of 8, drawn until one is filled.
test.each([2, 3, 4, 5, 7].flatMap((count) => FAMILIES.map((family) => [family, count] as const)))(
  '%s: new flows spread evenly over %i endpoints',
  async (family, count) => {
    await program(count);
    const { client, clusterIP, endpoints } = families[family];
    const dialled = { source: client, address: clusterIP, protocol: 'UDP' as const, port: 80 };
    const { answeredBy, ...others } = await stage.dialMany(dialled, FLOWS);
    expect(others).toMatchObject({ refused: 0, timeout: 0, unreachable: 0 });
    const counts = Object.values(answeredBy);
    expect(Object.keys(answeredBy), JSON.stringify(endpoints)).toHaveLength(count);
    expect(chiSquare(counts), JSON.stringify(answeredBy)).toBeLessThan(BOUND);
  },
);

/** How far the counts are from being equal (Pearson). */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
