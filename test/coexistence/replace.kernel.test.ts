/** The real agent beside kube-proxy's rules: it refuses, leaves the Services to it, or takes over. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { dialled, held, scene, writeManifests } from '../agent/upgrade-scene.ts';
import { knat, type Running, startKnat } from '../cli/knat.ts';
import { forgetConnections } from '../netns/connections.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';
import { startTraffic } from '../netns/traffic.ts';
import { iptablesMode, nftablesMode } from './kube-proxy-state.ts';

/** The rules of kube-proxy for the Service of the scene. */
const services = { '10.96.0.10:80': '10.244.1.1:8080', '10.96.0.10:81': '10.244.1.1:8081' };
const isOfService = ({ address, protocol }: { address: string; protocol: string }) =>
  address === '10.96.0.10' && protocol === 'TCP';

let stage: Stage;
let folder: string;
let source: readonly string[];
let agent: Running | null = null;

beforeAll(async () => {
  folder = writeManifests();
  source = ['--source', `dir:${folder}`, '--node', 'n1'];
  stage = await Stage.build();
  await stage.setUp(scene);
});

afterEach(async () => {
  agent?.process.kill('SIGKILL');
  await agent?.ended;
  agent = null;
  nft('flush ruleset');
  forgetConnections();
});

afterAll(() => {
  stage.dispose();
  rmSync(folder, { recursive: true });
});

const inLegacy = () => execFileSync('iptables-legacy-restore', { input: iptablesMode(services) });
const inIptables = () => execFileSync('iptables-nft-restore', { input: iptablesMode(services) });

test.each([
  ['nftables mode', () => nft(nftablesMode(services)), ['table ip kube-proxy', 'table ip6 kube-proxy']],
  ['iptables mode', inIptables, ['9 chains in table ip nat', '6 chains in table ip filter']],
])(
  'beside %s the agent refuses, names it and says what to do; nothing is written',
  async (_, install, names) => {
    install();
    const before = listRuleset();
    const { status, errors } = await knat(['agent', ...source]);
    expect(status).toBe(3);
    for (const text of [...names, 'KNAT_KUBE_PROXY_PRESENT', '--replace-kube-proxy', '--enable pod,egress']) {
      expect(errors).toContain(text);
    }
    expect(listRuleset()).toBe(before);
  },
);

test.each([
  [[], 'refuse', 'the agent would refuse to start beside it'],
  [['--replace-kube-proxy'], 'remove', 'its rules would be removed'],
  [['--enable', 'pod,egress'], 'leave', 'its rules would stay'],
  [['--beside-kube-proxy', 'leave'], 'leave', 'its rules would stay'],
])('--dry-run %j says what would happen to it, and changes nothing', async (options, action, text) => {
  nft(nftablesMode(services));
  const before = listRuleset();
  const { status, output } = await knat(['agent', ...source, '--dry-run', ...options]);
  expect(status).toBe(0);
  expect(output).toContain(text);
  expect(output).toContain('  table ip kube-proxy (nftables mode)\n');
  const json = JSON.parse((await knat(['agent', ...source, '--dry-run', '-o', 'json', ...options])).output);
  expect(json.kubeProxy).toMatchObject({ action, unseen: [] });
  expect(listRuleset()).toBe(before);
});

test('with Service NAT off it works beside kube-proxy, whose tables stay as they are', async () => {
  nft(nftablesMode(services));
  const before = listRuleset();
  const { status, errors } = await knat([
    'agent',
    ...source,
    '--once',
    '--enable',
    'pod,egress',
    '--replace-kube-proxy',
  ]);
  expect(status, errors).toBe(0);
  expect(listRuleset()).toContain(before.trim());
});

test('IPVS mode cannot be replaced', async () => {
  execFileSync('ip', ['link', 'add', 'kube-ipvs0', 'type', 'veth', 'peer', 'name', 'kube-ipvs1']);
  const { status, errors } = await knat(['agent', ...source, '--replace-kube-proxy']);
  execFileSync('ip', ['link', 'del', 'kube-ipvs0']);
  expect(status).toBe(3);
  expect(errors).toContain('kube-proxy --cleanup');
  expect(listRuleset()).toBe('');
});

/** Dials the Service 200 times a second and holds connections to it while something changes. */
async function expectUndisturbed(change: () => Promise<void>): Promise<void> {
  const traffic = { dialled: dialled.filter(isOfService), held: held.filter(isOfService), rate: 200 };
  const stop = await startTraffic(stage, traffic);
  await sleep(300);
  await change();
  await sleep(300);
  const report = await stop();
  expect(report.failed).toEqual([]);
  expect(report.dialled).toBeGreaterThan(report.seconds * 180);
  expect(report.held).not.toEqual([]);
  for (const one of report.held) expect(one).toMatchObject({ ended: null, answers: one.sent });
}

async function startAgent(): Promise<Running> {
  const started = startKnat(['agent', ...source, '--replace-kube-proxy', '--log-format', 'json']);
  agent = started;
  await started.errorsHave('took over from kube-proxy');
  return started;
}

/** Legacy iptables needs modules that not every kernel has. */
function hasLegacyIptables(): boolean {
  return spawnSync('iptables-legacy', ['-t', 'nat', '-S']).status === 0;
}

test.for<[string, () => unknown]>([
  ['nftables mode', () => nft(nftablesMode(services))],
  ['iptables mode', inIptables],
  ['iptables mode with legacy iptables', inLegacy],
])(
  '--replace-kube-proxy takes over from %s: nothing is lost, and open connections go on',
  async ([, install], { skip }) => {
    skip(install === inLegacy && !hasLegacyIptables(), 'this kernel has no legacy iptables');
    install();
    await expectUndisturbed(async () => {
      await startAgent();
    });
    expect(listRuleset()).not.toMatch(/kube-proxy|KUBE-/);
    if (install === inLegacy)
      expect(execFileSync('iptables-legacy-save', { encoding: 'utf8' })).not.toContain('KUBE-');
    expect((await knat(['status'])).output).not.toContain('kube-proxy');
  },
);

test('a kube-proxy that keeps writing is reported in log and status, and its rules are removed again', async () => {
  nft(nftablesMode(services));
  const started = await startAgent();
  nft(nftablesMode(services));
  await started.errorsHave('kube-proxy has its rules again');
  for (let i = 0; i < 100 && listRuleset().includes('kube-proxy'); i++) await sleep(20);
  expect(listRuleset()).not.toContain('kube-proxy');
});

test('beside a kube-proxy that comes later, status says so; the way back loses nothing', async () => {
  agent = startKnat(['agent', ...source, '--log-format', 'json']);
  await agent.errorsHave('"programmed"');
  await expectUndisturbed(async () => {
    nft(nftablesMode(services));
    await agent?.errorsHave('kube-proxy works here too');
    expect((await knat(['status'])).output).toMatch(/kube-proxy +present since .*table ip kube-proxy/);
    agent?.process.kill();
    await agent?.ended;
    expect((await knat(['cleanup'])).status).toBe(0);
  });
  expect(listRuleset()).not.toContain('knat');
});

/** Whether knat's own table translates the Service. */
function hasService(): boolean {
  const table = execFileSync('nft', ['list', 'table', 'ip', 'knat'], { encoding: 'utf8' });
  return table.includes('10.96.0.10 . tcp . 80');
}

test('--beside-kube-proxy leave: kube-proxy keeps the Services while it is there, and knat does them after it', async () => {
  nft(nftablesMode(services));
  const before = listRuleset();
  agent = startKnat(['agent', ...source, '--beside-kube-proxy', 'leave', '--log-format', 'json']);
  await expectUndisturbed(async () => {
    await agent?.errorsHave('kube-proxy does Service NAT here, so knat does not');
    await agent?.errorsHave('"programmed"');
    expect(listRuleset()).toContain(before.trim());
    expect(hasService()).toBe(false);
    expect((await knat(['status'])).output).toMatch(
      /Enabled +pod, egress\n[\s\S]*kube-proxy +does Service NAT/,
    );
  });
  nft('delete table ip kube-proxy; delete table ip6 kube-proxy');
  await agent.errorsHave('kube-proxy is gone: knat does Service NAT from now on');
  for (let i = 0; i < 500 && !hasService(); i++) await sleep(20);
  await expectUndisturbed(async () => {
    expect((await knat(['status'])).output).toMatch(/Enabled +service, pod, egress\n/);
    nft(nftablesMode(services));
    await agent?.errorsHave('kube-proxy has come: knat leaves Service NAT to it');
    for (let i = 0; i < 500 && hasService(); i++) await sleep(20);
  });
  expect((await knat(['status'])).output).toMatch(/Enabled +pod, egress\n/);
});

test('--beside-kube-proxy leave contradicts --replace-kube-proxy', async () => {
  const options = ['--replace-kube-proxy', '--beside-kube-proxy', 'leave'];
  expect(await knat(['agent', ...source, ...options])).toMatchObject({ status: 2 });
});

test('--once also takes over, before it ends', async () => {
  nft(nftablesMode(services));
  const { status, errors } = await knat(['agent', ...source, '--replace-kube-proxy', '--once']);
  expect(status, errors).toBe(0);
  expect(listRuleset()).not.toContain('kube-proxy');
  expect(listRuleset()).toContain('10.96.0.10 . tcp . 80');
});
