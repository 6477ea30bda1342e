import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ip,
  nodeFacts,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../../test/generators/build.ts';
import { enterFreshNamespace } from '../../../test/netns/namespace.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { ConntrackConnection } from '../../wire/conntrack/connection.ts';
import { conntrackStatus } from '../../wire/conntrack/entry.ts';
import { StaleFlowCleaner } from './stale-flow-cleaner.ts';

enterFreshNamespace();

const FLOWS = 10_000;
let connection: ConntrackConnection;
let cleaner: StaleFlowCleaner;

beforeAll(() => {
  connection = new ConntrackConnection();
  cleaner = new StaleFlowCleaner();
});
afterAll(() => {
  cleaner?.close();
  connection?.close();
});

test('all flows of an endpoint that went are deleted, in many turns of the event loop', async () => {
  const [frontend, endpoint] = [ip('10.96.0.10'), ip('10.244.1.5')];
  for (let i = 0; i < FLOWS; i++) {
    const client = ip(`10.9.${i >> 8}.${i & 255}`);
    connection.create({
      ...{ family: 'IPv4', protocol: 17, id: 0, timeoutSeconds: 600, mark: 0, zone: 0, counters: null },
      original: { src: client, sport: 4000, dst: frontend, dport: 53 },
      reply: { src: endpoint, sport: 5353, dst: client, dport: 4000 },
      status: conntrackStatus.IPS_SEEN_REPLY,
    });
  }
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const ports = [{ name: '', protocol: 'UDP', port: portOf(5353) }] as const;
  planner.apply([
    present('Service', service({ ports: [servicePort(53, { protocol: 'UDP' })] })),
    present('EndpointSlice', slice(['10.244.1.6'], { ports })),
  ]);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  count();
  const changes = { keys: null, gone: new Set<string>(), compare: null };
  expect(await cleaner.clean(planner.update(), changes)).toBe(FLOWS);
  isOver = true;
  // A datagram has some 170 entries, and deleting that many takes longer than a turn may.
  expect(turns).toBeGreaterThan(FLOWS / 200);
  expect(connection.entries()).toEqual([]);
});
