import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { withConnections } from '../../src/agent/what-if/connections.ts';
import type { ChangeJson } from '../../src/forms/what-if.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { IpAddress } from '../../src/net/address.ts';
import { parseLoosePrefix, prefixContains } from '../../src/net/prefix.ts';
import { agentPieces } from '../../src/observe/client.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { streamedWhatIf, whatIfOn } from '../../src/what-if/answer.ts';
import { planChange } from '../../src/what-if/planned.ts';
import {
  absent,
  egressRuleFact,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import {
  CLIENT,
  FlowsStage,
  NODE,
  NODE_NAME,
  NODE6,
  natPool,
  OTHER_POD,
  PLACE,
  PLACE6,
  POD,
  POD6,
  PORT,
  PUBLIC,
  pods,
} from './flows-stage.ts';

/** How many connections a change concerns, by what-if and by what conntrack(8) lists of real connections and their replies. */

let stage: FlowsStage;
beforeAll(async () => {
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => stage.dispose());

const SERVICE = ip('10.96.0.10');
const RULE = 'partner';

const before: readonly FactChange[] = [
  ...pods,
  natPool,
  present('IPPool', pool('pods-v6', 'fd00:244::/48')),
  present('Service', service({ ports: [servicePort(80, { protocol: 'UDP' })] })),
  present('EndpointSlice', slice([PLACE], { ports: [{ name: '', protocol: 'UDP', port: portOf(PORT) }] })),
  // A binding of three ports whose pod answers.
  present(
    'Pod',
    pod(
      [
        natEntry({
          ...{ interfaceAuto: false, sourceIP: PUBLIC, protocol: 'UDP', portCount: 3, egress: false },
          ...{ sourcePort: portOf(PORT - 1), destinationPort: portOf(PORT - 1) },
        }),
      ],
      { namespace: 'mail', name: 'smtp', ips: [PLACE] },
    ),
  ),
  present(
    'EgressRule',
    egressRuleFact({
      name: RULE,
      pools: ['pods-v6'],
      action: 'Masquerade',
      to: [{ cidr: prefix(`${PLACE6}/128`), protocol: 'UDP', ports: { first: PORT, last: PORT } }],
    }),
  ),
];

const everythingGoes: readonly FactChange[] = [
  absent('Service', 'shop/web'),
  absent('Pod', 'mail/smtp'),
  absent('EgressRule', RULE),
  absent('IPPool', 'pods'),
];

const node = nodeFacts({
  nodeName: NODE_NAME,
  nodeIPs: [NODE, NODE6],
  localAddresses: [NODE, PUBLIC, NODE6].map((address) => localAddress(address)),
});

async function changesOf(changes: readonly FactChange[]) {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(before);
  planner.update();
  const answer = whatIfOn(planChange(planner, changes, node, () => null));
  const whatIf = streamedWhatIf(await withConnections(answer, agentPieces));
  return { changes: [...whatIf.changes], busiest: whatIf.connections ?? [] };
}

interface Tracked {
  readonly protocol: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly port: number;
}

/** The original direction of each connection that the kernel tracks, as conntrack(8) writes it. */
function tracked(): Tracked[] {
  return ['ipv4', 'ipv6'].flatMap((family) =>
    execFileSync('conntrack', ['-L', '-f', family], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .flatMap((line): Tracked[] => {
        const found = /^(tcp|udp) .*?src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)/.exec(line);
        if (found === null) return [];
        const [, protocol = '', source = '', destination = '', port] = found;
        const ends = { source: ip(source), destination: ip(destination), port: Number(port) };
        return [{ protocol: protocol.toUpperCase(), ...ends }];
      }),
  );
}

function prefix(text: string) {
  const parsed = parseLoosePrefix(text);
  if (parsed === null) throw new TypeError(text);
  return parsed;
}

function holds({ class: packets }: ChangeJson, { protocol, source, destination, port }: Tracked): boolean {
  const isIn = (texts: readonly string[] | null, address: IpAddress) =>
    texts?.some((text) => prefixContains(prefix(text), address)) ?? true;
  const isAt = ({ ports }: typeof packets) =>
    ports?.some((text) => {
      const [first = 0, last = first] = text.split('-').map(Number);
      return first <= port && port <= last;
    }) ?? true;
  return (
    isIn(packets.sources, source) &&
    isIn(packets.destinations, destination) &&
    (packets.protocols?.some((one) => one === protocol) ?? true) &&
    isAt(packets)
  );
}

const dial = async (
  from: IpAddress,
  to: IpAddress,
  port = PORT,
  protocol: 'TCP' | 'UDP' = 'UDP',
  count = 1,
) => {
  for (let index = 0; index < count; index++) {
    await stage.flat.clients.probe().dial({ from, sourcePort: next++, to, port, protocol, timeoutMs: 3000 });
  }
};
let next = 41_000;

test('of Services, Pod NAT, pools and EgressRules, each connection once, whatever its replies', async () => {
  await stage.start(before);
  await dial(POD, PLACE, PORT, 'UDP', 3);
  await dial(OTHER_POD, PLACE, PORT, 'TCP', 2);
  await dial(OTHER_POD, SERVICE, 80, 'UDP', 2);
  await dial(CLIENT, PUBLIC, PORT, 'UDP', 4);
  await dial(POD6, PLACE6, PORT, 'UDP', 2);
  // Of these nothing changes: no pod, and no port of the binding.
  await dial(CLIENT, PLACE, PORT, 'UDP', 2);
  const { changes, busiest } = await changesOf(everythingGoes);
  const connections = tracked();
  expect(connections).toHaveLength(15);
  const counted = changes.map((change) => connections.filter((one) => holds(change, one)).length);
  expect(changes.map(({ flows }) => flows)).toEqual(counted);
  const byFate = (verdict: string, snat?: string | null) =>
    changes
      .filter(({ before: was }) => was.verdict === verdict && (snat === undefined || was.snat === snat))
      .reduce((sum, { flows }) => sum + (flows ?? 0), 0);
  expect([byFate('dnat'), byFate('snat')]).toEqual([2 + 4, 3 + 2 + 2]);
  expect(busiest).toHaveLength(10);
});

test('of a change that concerns one of them, only that one', async () => {
  await stage.start(before);
  await dial(CLIENT, PUBLIC, PORT, 'UDP', 2);
  await dial(OTHER_POD, SERVICE, 80, 'UDP', 3);
  await dial(POD, PLACE, PORT, 'UDP', 2);
  for (const [change, count] of [
    [absent('Pod', 'mail/smtp'), 2],
    [absent('Service', 'shop/web'), 3],
    [absent('EgressRule', RULE), 0],
  ] as const) {
    const { changes } = await changesOf([change]);
    expect(changes.length).toBeGreaterThan(0);
    expect([change.key, changes.reduce((sum, { flows }) => sum + (flows ?? 0), 0)]).toEqual([
      change.key,
      count,
    ]);
  }
});
