import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FlowDeleter } from '../../src/flows/delete.ts';
import type { FlowQuestion } from '../../src/forms/questions.ts';
import { agentPieces, askAgent, linesOf } from '../../src/observe/client.ts';
import {
  absent,
  egressRuleFact,
  ip,
  natEntry,
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
  ECHO_PORT,
  FlowsStage,
  NODE,
  NODE6,
  natPool,
  OTHER_POD,
  PLACE,
  PLACE6,
  POD,
  POD6,
  PORT,
  PUBLIC,
  plainPool,
  pods,
  until,
} from './flows-stage.ts';

let stage: FlowsStage;

beforeAll(async () => {
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => stage.dispose());

const dial = async (from: string, sourcePort: number, protocol: 'TCP' | 'UDP' = 'UDP') =>
  await stage.flat.clients
    .probe()
    .dial({ from, sourcePort, to: PLACE, port: PORT, protocol, timeoutMs: 3000 });

/** The address that the place saw. */
async function seen(from: string, sourcePort: number): Promise<string> {
  const outcome = await dial(from, sourcePort);
  return outcome.outcome === 'answered' ? outcome.sawSource.replace(/:\d+$/, '') : outcome.outcome;
}

const entry = { interfaceAuto: false, sourceIP: PUBLIC };
const boundPod = present(
  'Pod',
  pod([natEntry(entry), natEntry({ ...entry, protocol: 'UDP' })], {
    namespace: 'shop',
    name: 'web-0',
    ips: [POD],
  }),
);

describe('the list', () => {
  test('has the translating object, names, and both ends', async () => {
    const web = present('Service', service({ ports: [servicePort(80, { protocol: 'UDP' })] }));
    const endpoints = present(
      'EndpointSlice',
      slice([PLACE], { ports: [{ name: '', protocol: 'UDP', port: portOf(PORT) }] }),
    );
    await stage.start([...pods, natPool, web, endpoints]);
    await dial(POD, 40_001);
    const probe = stage.flat.clients.probe();
    await probe.dial({
      from: OTHER_POD,
      sourcePort: 40_002,
      to: ip('10.96.0.10'),
      port: 80,
      protocol: 'UDP',
    });
    const { flows, end } = await stage.list();
    expect(flows).toHaveLength(2);
    expect(end).toMatchObject({ listed: 2, cut: false, stale: 0 });
    expect(flows.find(({ original }) => original.source === `${POD}:40001`)).toMatchObject({
      protocol: 'UDP',
      original: { source: `${POD}:40001`, destination: `${PLACE}:${PORT}` },
      from: 'Pod shop/web-0',
      to: null,
      destinationNat: null,
      sourceNat: { kind: 'egress', object: 'IPPool pods' },
      stale: null,
      replied: true,
    });
    expect(flows.find(({ original }) => original.source === `${OTHER_POD}:40002`)).toMatchObject({
      from: 'Pod shop/web-1',
      destinationNat: {
        kind: 'service',
        object: 'Service shop/web',
        frontend: '10.96.0.10:80/UDP',
        endpoint: `${PLACE}:${PORT}`,
      },
      sourceNat: { kind: 'egress', object: 'IPPool pods' },
    });
    expect(flows[0]?.sourceNat?.address).toMatch(new RegExp(`^${NODE}:\\d+$`));
    const questions: [question: FlowQuestion, count: number][] = [
      [{ pod: 'shop/web-0' }, 1],
      [{ service: 'shop/web' }, 1],
      [{ service: 'shop/other' }, 0],
      [{ protocol: 'tcp' }, 0],
      [{ protocol: 'udp', address: '10.96.0.0/16' }, 1],
      [{ kind: 'service' }, 1],
      [{ kind: 'egress' }, 2],
      [{ limit: '1' }, 1],
      [{ stale: 'true' }, 0],
    ];
    for (const [question, count] of questions) {
      expect([question, (await stage.list(question)).flows.length]).toEqual([question, count]);
    }
    await expect(stage.list({ pod: 'web-0' })).rejects.toThrow('"web-0" is no NAMESPACE/NAME');
    const { rates } = await askAgent('/flows/rates', { seconds: 1 });
    expect(rates.map(({ object, flows }) => [object, flows])).toEqual([
      ['IPPool pods', 2],
      ['Service shop/web 10.96.0.10:80/UDP', 1],
    ]);
  });

  test('of events has beginnings and ends', async () => {
    await stage.start([...pods, natPool]);
    const events: { event: string; flow: { from: string } }[] = [];
    const watch = (async () => {
      for await (const lines of linesOf(agentPieces('/flows/watch', { pod: 'shop/web-0' }))) {
        events.push(...lines.map((line) => JSON.parse(line)));
        if (events.some(({ event }) => event === 'destroy')) return;
      }
    })();
    // A flow that began before the watch is no event, so each attempt makes a new flow.
    let port = 40_200;
    await until(async () => {
      await dial(OTHER_POD, port++);
      await dial(POD, port++);
      return events.length > 0;
    });
    const deleter = new FlowDeleter();
    for (const flow of (await stage.list()).flows) expect(deleter.delete(flow)).toBe(true);
    deleter.close();
    await watch;
    expect(events.at(0)).toMatchObject({ event: 'new', flow: { from: 'Pod shop/web-0' } });
    expect(new Set(events.map(({ flow }) => flow.from))).toEqual(new Set(['Pod shop/web-0']));
  });
});

describe('stale flows', () => {
  test('keep: an old flow keeps its address and is listed, until it is flushed', async () => {
    await stage.start([...pods, natPool]);
    expect(await seen(POD, 40_020)).toBe(NODE);
    expect(await seen(OTHER_POD, 40_021)).toBe(NODE);
    await stage.change(boundPod);
    expect(await seen(POD, 40_020)).toBe(NODE);
    expect(await seen(OTHER_POD, 40_021)).toBe(NODE);
    const { flows } = await stage.list({ stale: 'true' });
    expect(flows.map(({ from, stale }) => [from, stale?.includes('Pod shop/web-0')])).toEqual([
      ['Pod shop/web-0', true],
    ]);
    const deleter = new FlowDeleter();
    for (const flow of flows) expect(deleter.delete(flow)).toBe(true);
    for (const flow of flows) expect(deleter.delete(flow)).toBe(false);
    deleter.close();
    expect(await seen(POD, 40_020)).toBe(PUBLIC);
    expect((await stage.list({ stale: 'true' })).flows).toEqual([]);
  });

  test('flush: the flows that the change concerns move at once, the others stay', async () => {
    await stage.start([...pods, natPool], { egressOnChange: 'flush' });
    const probe = stage.flat.clients.probe();
    const tcp = { to: PLACE, port: ECHO_PORT, protocol: 'TCP' } as const;
    const concerned = await probe.hold({ from: POD, sourcePort: 40_030, ...tcp });
    const others = await probe.hold({ from: OTHER_POD, sourcePort: 40_031, ...tcp });
    expect(await seen(POD, 40_032)).toBe(NODE);
    await stage.change(boundPod);
    await until(async () => (await seen(POD, 40_032)) === PUBLIC);
    expect((await stage.list({ stale: 'true' })).flows).toEqual([]);
    // The TCP connection arrives with another address, which the peer does not know: it ends, and its pod makes a new one.
    await until(async () =>
      (await stage.list({ address: POD, protocol: 'tcp' })).flows.every(({ sourceNat }) => {
        return sourceNat?.address.startsWith(PUBLIC) ?? false;
      }),
    );
    expect((await concerned()).ended).not.toBeNull();
    const { ended, answers } = await others();
    expect([ended, answers > 0]).toEqual([null, true]);
  });

  test('flush: a removed pool ends the flows that it translated, and no others', async () => {
    await stage.start([...pods, natPool], { egressOnChange: 'flush' });
    expect(await seen(POD, 40_040)).toBe(NODE);
    await stage.change(plainPool);
    await until(async () => (await seen(POD, 40_040)) === POD);
    await stage.change(natPool);
    await until(async () => (await seen(POD, 40_040)) === NODE);
    await stage.change(absent('IPPool', 'pods'));
    await until(async () => (await seen(POD, 40_040)) === POD);
    expect(await seen(CLIENT, 40_041)).toBe(CLIENT);
  });

  test('flows that a new rule drops are listed as stale, and end with flush', async () => {
    const nowhere = present(
      'EgressRule',
      egressRuleFact({
        name: 'quarantine',
        priority: 1,
        podSelector: { matchLabels: { app: 'web' }, matchExpressions: [] },
        action: 'Snat',
        addresses: [ip('203.0.113.99')],
        fallback: 'drop',
      }),
    );
    const web = present(
      'Pod',
      pod([], { namespace: 'shop', name: 'web-0', ips: [POD], nat: null, labels: { app: 'web' } }),
    );
    await stage.start([...pods, web, natPool]);
    expect(await seen(POD, 40_050)).toBe(NODE);
    expect(await seen(OTHER_POD, 40_051)).toBe(NODE);
    await stage.change(nowhere);
    expect(await seen(POD, 40_050)).toBe(NODE);
    const { flows } = await stage.list({ stale: 'true' });
    expect(flows.map(({ from, stale }) => [from, stale])).toEqual([
      ['Pod shop/web-0', 'its packets would be dropped (EgressRule quarantine) now'],
    ]);
    await stage.stop();

    await stage.start([...pods, web, natPool], { egressOnChange: 'flush' });
    expect(await seen(POD, 40_052)).toBe(NODE);
    expect(await seen(OTHER_POD, 40_053)).toBe(NODE);
    await stage.change(nowhere);
    const silence = { from: POD, sourcePort: 40_052, to: PLACE, port: PORT, protocol: 'UDP' } as const;
    await until(async () => {
      const ended = await stage.flat.clients.probe().dial({ ...silence, timeoutMs: 300 });
      return ended.outcome === 'timeout';
    });
    expect(await seen(OTHER_POD, 40_053)).toBe(NODE);
  });
});

test('flush: flows with the address of a binding that was removed while no agent ran use the present address', async () => {
  await stage.start([...pods, natPool, boundPod], { egressOnChange: 'flush' });
  expect(await seen(POD, 40_080)).toBe(PUBLIC);
  await stage.stop();
  await stage.startAgain([...pods, natPool], { egressOnChange: 'flush' });
  await until(async () => (await seen(POD, 40_080)) === NODE);
});

describe.each(['IPv4', 'IPv6'] as const)('flows of %s over a change', (family) => {
  const [from, to, nodeAddress, prefix] =
    family === 'IPv4' ? [POD, PLACE, NODE, '10.244.0.0/16'] : [POD6, PLACE6, NODE6, 'fd00:244::/48'];
  const translating = present('IPPool', pool('pods', prefix, { natOutgoing: true }));
  const plain = present('IPPool', pool('pods', prefix));
  const silentPort = PORT + 9;

  async function sourceSeen(sourcePort: number): Promise<string> {
    const question = { from, sourcePort, to, port: PORT, protocol: 'UDP', timeoutMs: 3000 } as const;
    const outcome = await stage.flat.clients.probe().dial(question);
    if (outcome.outcome !== 'answered') return outcome.outcome;
    return outcome.sawSource.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  }

  test('flush: the present pool translates the next packet', async () => {
    await stage.start([plain], { egressOnChange: 'flush' });
    expect(await sourceSeen(40_060)).toBe(from);
    await stage.change(translating);
    await until(async () => (await sourceSeen(40_060)) === nodeAddress);
    await stage.change(plain);
    await until(async () => (await sourceSeen(40_060)) === from);
  });

  test('keep: the present pool translates flows without a reply; flows with replies stay', async () => {
    await stage.start([plain]);
    expect(await sourceSeen(40_061)).toBe(from);
    const oneWay = async () => {
      const question = { from, sourcePort: 40_062, to, port: silentPort, protocol: 'UDP' } as const;
      await stage.flat.clients.probe().dial({ ...question, timeoutMs: 50 });
      const { flows } = await stage.list({ kind: 'egress,none', address: to });
      const { sourceNat } = flows.find((flow) => flow.original.destination.endsWith(`:${silentPort}`)) ?? {};
      return sourceNat === undefined ? 'no flow' : (sourceNat?.kind ?? 'untranslated');
    };
    // No listener: an ICMP error is no reply of the flow.
    expect(await oneWay()).toBe('untranslated');
    await stage.change(translating);
    await until(async () => (await oneWay()) === 'egress');
    expect(await sourceSeen(40_061)).toBe(from);
  });

  test('flows of a Service that was removed while no agent ran end', async () => {
    const address = family === 'IPv4' ? ip('10.96.0.10') : ip('fd00:96::10');
    const ports = [servicePort(80, { protocol: 'UDP' })];
    const web = present('Service', service({ clusterIPs: [address], ports }));
    const at = { ports: [{ name: '', protocol: 'UDP', port: portOf(PORT) }] } as const;
    await stage.start([web, present('EndpointSlice', slice([to], at))]);
    const question = { from, sourcePort: 40_063, to: address, port: 80, protocol: 'UDP' } as const;
    const dialled = await stage.flat.clients.probe().dial({ ...question, timeoutMs: 3000 });
    expect(dialled.outcome).toBe('answered');
    const entries = async () => (await stage.list({ address, kind: 'service,other' })).flows.length;
    expect(await entries()).toBe(1);
    await stage.stop();
    await stage.startAgain([]);
    await until(async () => (await entries()) === 0);
  });

  describe('changes while no agent ran', () => {
    const elsewhere = present('IPPool', pool('elsewhere', to.includes(':') ? `${to}/128` : `${to}/32`));
    const rule = present('EgressRule', egressRuleFact({ name: 'stay', priority: 1 }));
    const other = present('IPPool', pool('other', family === 'IPv4' ? '10.99.0.0/16' : 'fd00:99::/48'));

    test.each([
      ['a pool that translates', [plain], [translating], nodeAddress],
      ['a pool that does not any more', [translating], [plain], from],
      ['a pool that is gone', [translating, other], [other], from],
      ['a destination that is exempt', [translating], [translating, elsewhere], from],
      ['a rule', [translating], [translating, rule], from],
    ] as const)(
      '%s: with flush the flow gets the new address, with keep it keeps the old one',
      async (_, before, after, expected) => {
        for (const egressOnChange of ['flush', 'keep'] as const) {
          await stage.start(before, { egressOnChange });
          const first = await sourceSeen(40_070);
          expect(first).not.toBe(expected);
          await stage.stop();
          await stage.startAgain(after, { egressOnChange });
          if (egressOnChange === 'keep') expect(await sourceSeen(40_070)).toBe(first);
          else await until(async () => (await sourceSeen(40_070)) === expected);
          if (egressOnChange === 'flush') await stage.stop();
        }
      },
    );

    test('nothing: flows of other translators, and those that were stale before, stay', async () => {
      await stage.start([plain], { egressOnChange: 'flush' });
      expect(await sourceSeen(40_071)).toBe(from);
      const { flows } = await stage.list({ kind: 'none', address: from });
      await stage.stop();
      await stage.startAgain([plain, other], { egressOnChange: 'flush' });
      expect(await sourceSeen(40_071)).toBe(from);
      expect((await stage.list({ kind: 'none', address: from })).flows.map(({ id }) => id)).toEqual(
        flows.map(({ id }) => id),
      );
    });
  });
});
