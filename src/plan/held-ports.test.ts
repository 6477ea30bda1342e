import { describe, expect, test } from 'vitest';
import {
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  present,
  service,
  servicePort,
} from '../../test/generators/build.ts';
import { walk } from '../explain/walk.ts';
import type { HostListener } from '../model/node.ts';
import type { HostPort, PodFact } from '../model/pod.ts';
import { defaultPlanOptions, defaultPodNatPolicy } from './options.ts';
import { Planner } from './planner.ts';

/** An administrator allows to take over. */
const options = { ...defaultPlanOptions, podNatPolicy: { ...defaultPodNatPolicy, takeover: true } };

const hostPort = (rest: Partial<HostPort> = {}): HostPort => ({
  protocol: 'TCP',
  port: portOf(25),
  address: null,
  families: ['IPv4', 'IPv6'],
  ...rest,
});
const web = (rest: Partial<PodFact> = {}) =>
  pod([], {
    namespace: 'shop',
    name: 'web',
    ips: [ip('10.244.1.8')],
    nat: null,
    hostPorts: [hostPort()],
    ...rest,
  });
const mail = (takeover = false, rest: Partial<PodFact> = {}) => pod([natEntry({ takeover })], rest);
const rule = (to: string | null): HostListener => ({
  protocol: 'TCP',
  port: portOf(25),
  address: null,
  families: ['IPv4'],
  held: { by: 'a rule in chain DOCKER of iptables-nft', to: to === null ? null : ip(to), pod: null },
});

/** The pods in this order; what is bound, and what the loser is told. */
function outcome(pods: readonly PodFact[], portRules: readonly HostListener[] = []) {
  const planner = new Planner(nodeFacts({ portRules }), options);
  for (const fact of pods) {
    planner.apply([present('Pod', fact)]);
    planner.update();
  }
  const plan = planner.update();
  return {
    planner,
    bound: plan.count('PodBinding'),
    reported: [...plan.notices()].map(({ code, message }) => `${code} ${message}`),
  };
}

describe('a hostPort and a binding on one port', () => {
  const lost = [
    expect.stringMatching(/^NatHostPortInUse entry 0: hostPort of Pod shop\/web has \*:25 \(TCP\), so/),
  ];
  test.each([
    ['the binding came first', [mail(), web()]],
    ['the hostPort came first', [web(), mail()]],
  ])('%s: the hostPort has it', (_, pods) => {
    expect(outcome(pods)).toMatchObject({ bound: 0, reported: lost });
  });

  test.each<[string, Partial<PodFact>]>([
    ['of another node', { nodeName: 'node-b' }],
    ['of another protocol', { hostPorts: [hostPort({ protocol: 'UDP' })] }],
    ['of another address', { hostPorts: [hostPort({ address: ip('192.0.2.10'), families: ['IPv4'] })] }],
    ['of the host network', { hostNetwork: true }],
    ['of a pod that has finished', { finished: true }],
    ['of a pod that terminates', { terminating: true }],
    ['of a pod of the other family', { ips: [ip('fd00:244::8')] }],
  ])('one %s takes nothing', (_, rest) => {
    expect(outcome([web(rest), mail()])).toMatchObject({ bound: 1, reported: [] });
  });

  test('with takeover the binding has it', () => {
    expect(outcome([web(), mail(true)])).toMatchObject({
      bound: 1,
      reported: ['NatHostPortInUse hostPort 25/TCP: Pod mail/smtp has 203.0.113.7:25 and comes before'],
    });
  });

  test('a Service has it, which is reported on the Pod', () => {
    const { planner } = outcome([web()]);
    const node = nodeFacts({ localAddresses: [localAddress('203.0.113.7')] });
    planner.setNode(node);
    planner.apply([
      present('Service', service({ externalIPs: [ip('203.0.113.7')], ports: [servicePort(25)] })),
    ]);
    const [notice, ...others] = planner.update().notices();
    expect(others).toEqual([]);
    expect(notice).toMatchObject({ code: 'NatHostPortInUse', object: { kind: 'Pod', name: 'web' } });
    expect(notice?.message).toMatch(/^hostPort 25\/TCP: Service .* has 203\.0\.113\.7:25/);
  });

  test('of one pod they are one and the same', () => {
    expect(outcome([mail(false, { hostPorts: [hostPort()] })])).toMatchObject({ bound: 1, reported: [] });
  });

  test('when it goes, the binding has the port', () => {
    const { planner } = outcome([web(), mail()]);
    planner.apply([{ kind: 'Pod', key: 'shop/web', fact: null }]);
    expect(planner.update().count('PodBinding')).toBe(1);
  });

  test('explain names the owner', () => {
    const { planner } = outcome([web(), mail()]);
    const packet = {
      source: ip('198.51.100.9'),
      destination: ip('203.0.113.7'),
      protocol: 'TCP',
      port: portOf(25),
    } as const;
    const { steps } = walk(planner.plan, planner.heldNode, packet);
    expect(steps[0]).toMatchObject({ rule: 'host-listener', by: 'hostPort of Pod shop/web' });
  });
});

describe('a rule of another program and a binding on one port', () => {
  test('the rule has it, and says where it stands', () => {
    expect(outcome([mail()], [rule('10.88.0.3')])).toMatchObject({
      bound: 0,
      reported: [expect.stringContaining('a rule in chain DOCKER of iptables-nft has *:25 (TCP)')],
    });
  });
  test('with takeover the binding', () => {
    expect(outcome([mail(true)], [rule('10.88.0.3')])).toMatchObject({ bound: 1, reported: [] });
  });
  test('one that sends to the same pod takes nothing from it', () => {
    expect(outcome([mail()], [rule('10.244.1.5')])).toMatchObject({ bound: 1, reported: [] });
  });
});
