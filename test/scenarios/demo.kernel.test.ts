/**
 * `knat demo` as a user runs it, from the build: real packets, its report of them, and that it leaves nothing behind.
 * It needs the build in dist/.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FlowPairs } from '../../src/forms/flows.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Flows of the story, each in both families. */
const TRANSLATIONS = 38;

const running: ChildProcess[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
});

describe('without a terminal', () => {
  test.each(['once', 'and once more'])('all is as expected, and nothing stays: %s', async () => {
    const demo = start([]);
    const { status, output } = await demo.ended;
    expect(output).toContain(`demo: ${TRANSLATIONS} translations as expected, 0 not\n`);
    expect(output).toContain('Result       203.0.113.25 → 198.51.100.10:443');
    expect(output.trimEnd().split('\n').at(-1)).toMatch(/^demo: /);
    expect(output.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(status).toBe(0);
    expect(remainsOf(demo)).toEqual(NOTHING);
  });

  test('one family alone', async () => {
    const demo = start(['--family', 'ipv6']);
    const { status, output } = await demo.ended;
    expect(output).toContain(`demo: ${TRANSLATIONS / 2} translations as expected, 0 not\n`);
    expect(output).not.toContain('10.96.0.10');
    expect(status).toBe(0);
    expect(remainsOf(demo)).toEqual(NOTHING);
  });

  test('two at once do not disturb each other', async () => {
    const demos = [start([]), start([])];
    for (const demo of demos) expect((await demo.ended).output).toContain('as expected, 0 not\n');
    for (const demo of demos) expect(remainsOf(demo)).toEqual(NOTHING);
  });
});

test('the demo fails if the agents do no egress NAT', async () => {
  const demo = start([], { KNAT_ENABLE: 'service,pod' });
  const { status, output } = await demo.ended;
  expect(output).toContain('desk → outside, IPv4: no answer\n    expected: outside, which saw 203.0.113.11');
  expect(output).toContain(
    'web2 → outside, IPv6: no answer\n    expected: outside, which saw 2001:db8:0:113::12',
  );
  expect(output).toContain(`demo: ${TRANSLATIONS - 4} translations as expected, 4 not\n`);
  expect(status).toBe(1);
  expect(remainsOf(demo)).toEqual(NOTHING);
});

test('if the agents cannot start, the demo ends with their message', async () => {
  const demo = start([], { KNAT_ENABLE: 'nonsense' });
  const { status, output, errors } = await demo.ended;
  expect(errors).toMatch(/the agent of node\d ended with exit status 2 \(KNAT_DEMO_AGENT_FAILED\)/);
  expect(errors).toContain('nonsense');
  expect(output).not.toContain('translations as expected');
  expect(status).toBe(1);
  expect(remainsOf(demo)).toEqual(NOTHING);
});

describe('stopped at any moment', () => {
  const moments = [
    ['SIGINT', 250],
    ['SIGINT', 500],
    ['SIGINT', 1000],
    ['SIGTERM', 1500],
    ['SIGHUP', 2000],
  ] as const;
  test.each(moments)('%s after %i ms leaves nothing', async (signal, milliseconds) => {
    const demo = start([]);
    await sleep(milliseconds);
    demo.child.kill(signal);
    const { output } = await demo.ended;
    expect(output).not.toContain('translations as expected');
    expect(remainsOf(demo)).toEqual(NOTHING);
  });

  test('SIGINT while packets are under way leaves nothing, and is no success', async () => {
    const demo = start([]);
    await demo.printed('Service NAT');
    demo.child.kill('SIGINT');
    expect((await demo.ended).status).toBe(1);
    expect(remainsOf(demo)).toEqual(NOTHING);
  });
});

test('the next demo removes the remains of a killed one', async () => {
  const killed = start([]);
  await killed.printed('Service NAT');
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(remainsOf(killed).namespaces).not.toEqual([]);
  expect(remainsOf(killed).folders).not.toEqual([]);

  expect((await start([]).ended).status).toBe(0);
  expect(remainsOf(killed)).toEqual(NOTHING);
});

test('with --keep everything stays until Ctrl-C, which is then a success', async () => {
  const demo = start(['--keep']);
  await demo.printed('.log');
  const { namespaces, agents } = remainsOf(demo);
  expect(namespaces.map((name) => name.split('-').at(-1))).toContain('node1');
  expect(agents).toHaveLength(2);
  await demo.printed('.log\n');
  const hints = demo.text().slice(demo.text().indexOf('stays until Ctrl-C'));
  const [setting, ...commands] = hints.split('\n').filter((line) => /^ {2}(ns=|\$ns-)/.test(line));
  expect(commands).toHaveLength(6);
  for (const command of commands) {
    const script = `${setting}\n${command}\n`;
    const output = execFileSync('bash', ['-eu', '-c', script], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    if (command.includes('/dev/tcp/')) expect(JSON.parse(output)).toHaveProperty('sawSource');
  }
  const page = /^ {2}(http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(hints)?.[1] ?? 'no address';
  expect(await (await fetch(page)).text()).toContain('<title>knat</title>');
  expect(await (await fetch(`${page}api/v1/status`)).json()).toMatchObject({ node: 'node1' });
  await vi.waitFor(
    async () => {
      const pairs = (await (await fetch(`${page}api/v1/flows/pairs`)).json()) as FlowPairs;
      expect(pairs.newFlowsPerSecond).toBeGreaterThan(0);
    },
    { timeout: 30_000, interval: 500 },
  );
  demo.child.kill('SIGINT');
  expect((await demo.ended).status).toBe(0);
  expect(remainsOf(demo)).toEqual(NOTHING);
});

test('one message names everything that the machine lacks, with status 3', async () => {
  // Without the sbin folders, where nft and sysctl are.
  const demo = start([], { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` });
  const { status, output, errors } = await demo.ended;
  expect(errors).toMatch(/^knat: the program \w+ is not in PATH .*\(KNAT_DEMO_IMPOSSIBLE\)\n {2}Provide/);
  expect(output).toBe('');
  expect(status).toBe(3);
});

interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<{ status: number | null; output: string; errors: string }>;
  text(): string;
  /** Resolves when the text was printed; rejects when the demo ended without. */
  printed(text: string): Promise<void>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Demo {
  const child = spawn(`${REPOSITORY}bin/knat`, ['demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', ...env },
  });
  running.push(child);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close').then(([status]) => ({
    status: status as number | null,
    output,
    errors,
  }));
  const printed = async (text: string) => {
    while (!output.includes(text)) {
      if (child.exitCode !== null) throw new Error(`ended without "${text}":\n${output}${errors}`);
      await sleep(10);
    }
  };
  return { child, ended, text: () => output, printed };
}

const NOTHING = { namespaces: [], folders: [], agents: [], forwarders: [], probes: [] };

/** Everything that a demo has made on this machine; its names contain its process number. */
function remainsOf({
  child,
}: Demo): Record<'namespaces' | 'folders' | 'agents' | 'forwarders' | 'probes', readonly string[]> {
  const name = `knat-demo-${(child.pid ?? 0).toString(36)}-`;
  const processes = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const ofDemo = (command: string) => command.includes(name);
  return {
    namespaces: readdirSync('/run/netns').filter((entry) => entry.startsWith(name)),
    folders: readdirSync(tmpdir()).filter((entry) => entry.startsWith(name)),
    // bin/knat sets the title of the process, which replaces its arguments.
    agents: processes.filter((pid) => {
      return /^knat\0*$/.test(readProc(pid, 'cmdline')) && [1, child.pid].includes(parentOf(pid));
    }),
    forwarders: processes.filter((pid) => ofDemo(readProc(pid, 'cmdline'))),
    // Orphans alone: another demo's probes have a living parent.
    probes: processes.filter((pid) => {
      const isProbe = readProc(pid, 'cmdline').includes(`${REPOSITORY}dist/lab/probe-process/`);
      return isProbe && [1, child.pid].includes(parentOf(pid));
    }),
  };
}

function parentOf(pid: string): number {
  return Number(/^\d+ \(.*\) \S (\d+)/.exec(readProc(pid, 'stat'))?.[1]);
}

/** Empty for a process that has ended, also while it is a zombie. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
