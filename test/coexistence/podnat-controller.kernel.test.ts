/** The real agent on a node where a podnat-controller runs, or has run and left its chains. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { dialled, held, scene, writeManifests } from '../agent/upgrade-scene.ts';
import { knat, type Running, startKnat } from '../cli/knat.ts';
import { forgetConnections } from '../netns/connections.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';
import { startTraffic } from '../netns/traffic.ts';
import { type PodnatRule, podnatControllerState } from './podnat-controller-state.ts';

/** Each kind of iptables with the program that reads and writes it. */
const kinds = [
  ['iptables-nft', 'IPv4'],
  ['ip6tables-nft', 'IPv6'],
  ['iptables-legacy', 'IPv4'],
  ['ip6tables-legacy', 'IPv6'],
] as const;
type Family = (typeof kinds)[number][1];

const nodeAddress = { IPv4: '203.0.113.1', IPv6: '2001:db8:1::1' };
const podAddress = { IPv4: '10.244.1.5', IPv6: 'fd00:244:1::5' };

/** The rules of podnat-controller for the pod of the scene. */
function rulesOf(family: Family): PodnatRule[] {
  const ports = [
    ['tcp', 2525],
    ['tcp', 25],
    ['udp', 2553],
  ] as const;
  return ports.map(([protocol, port]) => ({
    protocol,
    source: { address: nodeAddress[family], port },
    destination: { address: podAddress[family], port },
  }));
}

let stage: Stage;
let folder: string;
let source: readonly string[];
let agent: Running | null = null;

beforeAll(async () => {
  folder = writeManifests();
  source = ['--source', `dir:${folder}`, '--node', 'n1', '--enable', 'pod'];
  stage = await Stage.build();
  await stage.setUp(scene);
});

afterEach(async () => {
  agent?.process.kill('SIGKILL');
  await agent?.ended;
  agent = null;
  nft('flush ruleset');
  for (const [program] of kinds) {
    if (!program.endsWith('legacy') || !works(program)) continue;
    execFileSync(`${program}-restore`, { input: '*nat\nCOMMIT\n*filter\nCOMMIT\n' });
  }
  forgetConnections();
});

afterAll(() => {
  stage.dispose();
  rmSync(folder, { recursive: true });
});

/** Legacy iptables needs modules that not every kernel has. */
function works(program: string): boolean {
  return spawnSync(program, ['-t', 'nat', '-S']).status === 0;
}

function install(program: string, family: Family, prefix?: string): void {
  const input = podnatControllerState({
    rules: rulesOf(family),
    family,
    ...(prefix === undefined ? {} : { prefix }),
  });
  execFileSync(`${program}-restore`, ['--noflush'], { input });
}

const saved = (program: string) => execFileSync(`${program}-save`, { encoding: 'utf8' });

async function startAgent(...args: readonly string[]): Promise<Running> {
  const started = startKnat(['agent', ...source, '--log-format', 'json', ...args]);
  agent = started;
  await started.errorsHave('"programmed"');
  return started;
}

const isBound =
  (family: Family) =>
  ({ address }: Dialled) =>
    String(address) === nodeAddress[family];

test.for(kinds)(
  'the chains of %s (%s) are taken over: no connection is lost, old or new, and nothing of them stays',
  async ([program, family], { skip }) => {
    skip(!works(program), `this kernel has no ${program}`);
    install(program, family);
    const traffic = {
      dialled: dialled.filter(isBound(family)),
      held: held.filter(isBound(family)),
      rate: 100,
    };
    const stop = await startTraffic(stage, traffic);
    await sleep(500);
    const started = await startAgent('--replace-podnat-controller');
    await started.errorsHave('took over from podnat-controller');
    await sleep(1000);
    const report = await stop();
    expect(report.failed).toEqual([]);
    expect(report.dialled).toBeGreaterThan(report.seconds * 90);
    expect(report.held).toHaveLength(2);
    for (const one of report.held) expect(one).toMatchObject({ ended: null, answers: one.sent });
    const left = saved(program);
    expect(left).not.toMatch(/podnat/i);
    // What the host had stays, the rules in their order.
    expect(left).toMatch(/-A FORWARD -j DOCKER-USER\n-A FORWARD -p tcp -m tcp --dport 9 -j DROP/);
    expect(left).toContain('-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER');
    const { problems } = JSON.parse((await knat(['status', '-o', 'json'])).output);
    expect(problems).toEqual([]);
  },
);

test('the chains of another -resourceprefix are taken over, and those of the usual one left alone', async () => {
  install('iptables-nft', 'IPv4', 'mine');
  install('iptables-nft', 'IPv4');
  const started = await startAgent('--replace-podnat-controller', '--podnat-prefix', 'mine');
  await started.errorsHave('took over from podnat-controller');
  expect(listRuleset()).not.toContain('MINE_');
  expect(listRuleset()).toContain('PODNAT_PRE');
});

test('without --replace-podnat-controller its chains stay and are a problem, until they are gone', async () => {
  install('iptables-nft', 'IPv4');
  const before = saved('iptables-nft').replace(/^#.*\n/gm, '');
  const started = await startAgent();
  await started.errorsHave('KNAT_PODNAT_CONTROLLER_PRESENT');
  expect(saved('iptables-nft').replace(/^#.*\n/gm, '')).toBe(before);
  const status = JSON.parse((await knat(['status', '-o', 'json'])).output);
  expect(status.problems).toMatchObject([
    {
      code: 'KNAT_PODNAT_CONTROLLER_PRESENT',
      message: expect.stringContaining('1 chain in table ip filter'),
    },
  ]);
  expect((await knat(['cleanup', '--force', '--podnat-controller'])).status).toBe(0);
  await started.errorsHave('nothing is left of podnat-controller');
  expect(JSON.parse((await knat(['status', '-o', 'json'])).output).problems).toEqual([]);
});

test('with Pod NAT off knat leaves them alone', async () => {
  install('iptables-nft', 'IPv4');
  const { errors, status } = await knat([
    ...['agent', '--source', `dir:${folder}`, '--node', 'n1', '--enable', 'egress'],
    ...['--once', '--replace-podnat-controller'],
  ]);
  expect(status, errors).toBe(0);
  expect(listRuleset()).toContain('PODNAT_PRE');
});

test('--once also takes over, before it ends', async () => {
  install('iptables-nft', 'IPv4');
  const { errors, status } = await knat(['agent', ...source, '--once', '--replace-podnat-controller']);
  expect(status, errors).toBe(0);
  expect(listRuleset()).not.toContain('PODNAT');
});

test('a podnat-controller that still runs and writes its chains again is reported', async () => {
  install('iptables-nft', 'IPv4');
  const started = await startAgent('--replace-podnat-controller');
  await started.errorsHave('took over from podnat-controller');
  install('iptables-nft', 'IPv4');
  await started.errorsHave('podnat-controller still runs on this node and wrote its chains again');
  expect(listRuleset()).not.toContain('PODNAT');
  const { output } = await knat(['status', '-o', 'json']);
  expect(JSON.parse(output).problems).toMatchObject([{ code: 'KNAT_PODNAT_CONTROLLER_PRESENT' }]);
});

test('knat cleanup names the chains that podnat-controller left, and removes them on request', async () => {
  install('iptables-nft', 'IPv4');
  const before = listRuleset();
  const named = await knat(['cleanup']);
  expect(named).toMatchObject({
    status: 0,
    errors: expect.stringContaining('knat cleanup --podnat-controller'),
  });
  expect(listRuleset()).toBe(before);
  const { status, output } = await knat(['cleanup', '--podnat-controller']);
  expect(status).toBe(0);
  expect(output).toContain('removed 2 chains in table ip nat of podnat-controller');
  expect(saved('iptables-nft')).not.toMatch(/podnat/i);
  expect(saved('iptables-nft')).toContain('DOCKER-USER');
});
