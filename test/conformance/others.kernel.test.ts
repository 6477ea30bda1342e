/**
 * Random states of ours beside random rules of other programs and policy routing, and random packets: what explain says on the
 * node is what happens, or it said that it depends.
 *
 * `make others` runs a long series: `KNAT_OTHERS_RUNS` is the number of states, `KNAT_SEED` repeats a run.
 */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelJourney } from '../../src/agent/other-rules.ts';
import type { JourneyEnd } from '../../src/explain/others/journey.ts';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import { NO_PORT, type Port } from '../../src/net/port.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { portOf } from '../generators/build.ts';
import { type ForeignScript, foreignScripts } from '../generators/foreign-rules.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { packetsOf, type Traffic, traffic } from '../generators/traffic.ts';
import { nft } from '../netns/namespace.ts';
import { allSettled, type Dialled, Stage } from '../netns/stage.ts';
import { endpointsOf } from './agreement.ts';

const runs = Number(process.env.KNAT_OTHERS_RUNS ?? 25);
const SHRINK_MS = 60_000;
/** Echo requests of a state; they go one after the other. */
const PINGS = 3;

let stage: Stage;
const tally = { certain: 0, pings: 0, depends: 0, wrong: 0 };
const met = new Map<string, number>();

beforeAll(async () => {
  stage = await Stage.build();
  // The kernel limits how many ICMP errors it sends; here each one is looked for.
  execFileSync('sysctl', ['-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0']);
});
afterAll(() => stage.dispose());

test(
  'explain says what happens beside other programs',
  async () => {
    const property = fc.asyncProperty(traffic, foreignScripts, fc.boolean(), (state, scripts, oursFirst) =>
      check([state, scripts, oursFirst]),
    );
    const check = shrinkFor(
      SHRINK_MS,
      async ([state, scripts, oursFirst]: [Traffic, readonly ForeignScript[], boolean]) => {
        const texts = await mistakes(state, scripts, oursFirst);
        if (texts.length > 0)
          throw new Error([...scripts.flatMap(({ lines }) => lines), ...texts].join('\n'));
      },
    );
    await fc.assert(property, { numRuns: runs });
    console.log(tally, Object.fromEntries(met));
    expect(tally.certain).toBeGreaterThan(0);
    expect(tally.pings).toBeGreaterThan(0);
  },
  SHRINK_MS + 300_000 + runs * 20_000,
);

let nextPort = 33_000;

/** Each once: a far host remembers a connection that it closed for a minute. */
function takePort(): number {
  nextPort = nextPort === 60_999 ? 33_000 : nextPort + 1;
  return nextPort;
}

async function mistakes(
  state: Traffic,
  scripts: readonly ForeignScript[],
  oursFirst: boolean,
): Promise<string[]> {
  const planner = new Planner(state.node, defaultPlanOptions);
  planner.apply(state.changes);
  const plan = planner.update();
  const packets = packetsOf(state, plan);
  const own = state.node.localAddresses
    .map(({ address }) => address)
    .filter((address) => !isLoopback(address));
  const targets = [...packets, ...endpointsOf(plan)];
  clear();
  await stage.setUp({
    nodeAddresses: [...new Set([...state.node.nodeIPs, ...own])],
    sources: packets.map(({ source }) => source),
    targets,
  });
  const signal = new AbortController().signal;
  if (oursFirst) await stage.datapath.converge(plan, signal);
  for (const script of scripts) load(script);
  if (!oursFirst) await stage.datapath.converge(plan, signal);
  const listening = new Set(
    targets.map(({ address, port, protocol }) => `${protocol} ${formatEndpoint(address, port)}`),
  );
  const texts = await allSettled(
    packets.map(
      async (packet) => await mistake(plan, state.node, { ...packet, sourcePort: takePort() }, listening),
    ),
  );
  const addresses = new Set([
    ...targets.map(({ address }) => address),
    ...packets.map(({ source }) => source),
  ]);
  for (const { source, address } of packets.slice(0, PINGS)) {
    if (source !== address) texts.push(await mistakenPing(plan, state.node, source, address, addresses));
  }
  return texts.filter((text) => text !== null);
}

/** One echo request. Where explain says that it depends, none is sent. */
async function mistakenPing(
  plan: NatPlan,
  node: NodeFacts,
  source: IpAddress,
  destination: IpAddress,
  addresses: ReadonlySet<IpAddress>,
): Promise<string | null> {
  const inputInterface = stage.inputInterface(source);
  const protocol = familyOf(source) === 'IPv4' ? 'ICMP' : 'ICMPv6';
  const asked = { source, destination, protocol, port: NO_PORT, icmp: { kind: 'echo-request' } } as const;
  const by = inputInterface === undefined ? {} : { inputInterface };
  const { ends } = await kernelJourney(plan, node, { packet: { ...asked, ...by }, flow: 'new' });
  const [end] = ends;
  if (end === undefined || ends.length > 1 || end.course.assumed.length > 0 || end.fate.kind === 'unknown') {
    tally.depends++;
    return null;
  }
  const { destination: to } = end.course.packet;
  const isKnown = addresses.has(to) || stage.inputInterface(to) === undefined;
  const listening = new Set(isKnown ? [`${protocol} ${formatEndpoint(to, 0)}`] : []);
  const said = sayings(end, { source, protocol }, listening);
  const outcome = await stage.ping(source, destination, said.has('silence') ? 350 : 1500, to);
  const seen =
    typeof outcome === 'string' ? outcome : `answer of ${formatEndpoint(to, 0)} to ${seenAs(outcome.saw)}`;
  if (said.has(seen)) {
    tally.pings++;
    return null;
  }
  tally.wrong++;
  return [
    `${protocol} ${source} → ${destination} in by ${inputInterface}`,
    `  said: ${[...said].join(' or ')}: ${endText(end)}`,
    `  seen: ${seen}`,
  ].join('\n');

  /** Which of its own the node takes is another test's question: here several are its own. */
  function seenAs(saw: IpAddress): string {
    const { source: sent } = end?.course.packet ?? {};
    return sent === null && stage.inputInterface(saw) === undefined ? 'node' : saw;
  }
}

function clear(): void {
  nft('flush ruleset');
  for (const program of ['iptables-legacy-restore', 'ip6tables-legacy-restore']) {
    execFileSync(program, ['-w', '10'], {
      input: ['raw', 'mangle', 'nat', 'filter']
        .map(
          (table) =>
            `*${table}\n${BASES[table as 'raw']?.map((chain) => `:${chain} ACCEPT [0:0]\n`).join('')}COMMIT\n`,
        )
        .join(''),
    });
  }
  for (const family of ['-4', '-6']) {
    run('ip', [family, 'rule', 'del', 'pref', '1000']);
    run('ip', [family, 'route', 'flush', 'table', '77']);
  }
}

const BASES = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
} as const;

/** Whether it works does not matter: what is to be removed may not be there. */
function run(program: string, words: readonly string[]): void {
  try {
    execFileSync(program, words, { stdio: 'ignore' });
  } catch {}
}

function load({ tool, family, flavour, lines }: ForeignScript): void {
  const input = `${lines.join('\n')}\n`;
  if (tool === 'nft') nft(input);
  else if (tool === 'ip') execFileSync('ip', [family === 'IPv4' ? '-4' : '-6', '-batch', '-'], { input });
  else {
    const program = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${flavour}-restore`;
    execFileSync(program, ['--noflush', '-w', '10'], { input });
  }
}

async function mistake(
  plan: NatPlan,
  node: NodeFacts,
  packet: Dialled & { readonly sourcePort: number },
  listening: ReadonlySet<string>,
): Promise<string | null> {
  const { source, address: destination, protocol, port, sourcePort } = packet;
  const inputInterface = stage.inputInterface(source);
  const asked = { source, destination, protocol, port: portOf(port), sourcePort: sourcePort as Port };
  const by = inputInterface === undefined ? {} : { inputInterface };
  const journey = await kernelJourney(plan, node, { packet: { ...asked, ...by }, flow: 'new' });
  const { ends } = journey;
  const foretold = ends.map((end) => ({ end, said: sayings(end, packet, listening) }));
  const awaits = foretold.some(({ said }) => [...said].some((one) => one !== 'silence'));
  const seen = observed(await stage.dial(packet, awaits ? 1500 : 350));
  const isCertain = ends.every(({ course, fate }) => course.assumed.length === 0 && fate.kind !== 'unknown');
  for (const { rule } of ends.flatMap(({ course }) => course.met))
    met.set(rule.chain, (met.get(rule.chain) ?? 0) + 1);
  if (!isCertain) {
    tally.depends++;
    if (foretold.some(({ end, said }) => end.fate.kind === 'unknown' || said.has(seen))) return null;
  } else if (foretold.some(({ said }) => said.has(seen))) {
    tally.certain++;
    return null;
  }
  tally.wrong++;
  return [
    `${protocol} ${source}:${sourcePort} → ${formatEndpoint(destination, port)} in by ${inputInterface}`,
    ...foretold.map(({ end, said }) => `  said: ${[...said].join(' or ')}: ${endText(end)}`),
    `  seen: ${seen}`,
  ].join('\n');
}

function endText({ fate, course }: JourneyEnd): string {
  return JSON.stringify({
    fate,
    met: course.met.map(({ rule, effect }) => [rule.table, rule.chain, rule.text, effect.kind]),
    own: course.own.deeds.map(({ reason }) => reason),
    assumed: course.assumed.map(({ rule, dependsOn }) => [rule.text, dependsOn]),
    after: [course.packet.source, course.packet.destination, course.packet.port, course.packet.tracking],
  });
}

/** What the client sees if the packet ends so. */
function sayings(
  { course, fate }: JourneyEnd,
  dialled: { readonly source: IpAddress; readonly protocol: string },
  listening: ReadonlySet<string>,
): Set<string> {
  const { source, destination, port, tracking } = course.packet;
  if (fate.kind === 'dropped') return new Set(['silence']);
  // Of packets that have no route the kernel tells a sender five at once, then one a second (ip_error in net/ipv4/route.c);
  // net.ipv4.route.error_cost holds for all namespaces, so the test leaves it alone.
  if (fate.kind === 'rejected') return new Set(fate.by === null ? ['refused', 'silence'] : ['refused']);
  if (fate.kind === 'unknown') return new Set();
  const to = formatEndpoint(destination, port ?? 0);
  const isListening = listening.has(`${dialled.protocol} ${to}`);
  const there = stage.inputInterface(destination);
  const output = fate.kind === 'sent' ? fate.output?.name : undefined;
  const isThere = output === there;
  if (!isThere) return new Set(['silence']);
  if (!isListening) return new Set([there === undefined ? 'refused' : 'silence']);
  const as = source === dialled.source ? dialled.source : (source ?? 'node');
  // Replies without connection tracking meet rules that drop what is not established.
  return new Set([`answer of ${to} to ${as}`, ...(tracking === 'untracked' ? ['silence', 'refused'] : [])]);
}

function observed(outcome: DialOutcome): string {
  switch (outcome.outcome) {
    case 'answered':
      return `answer of ${outcome.by} to ${outcome.sawSource.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')}`;
    case 'timeout':
      return 'silence';
    case 'refused':
      return 'refused';
    default:
      return outcome.how === 'EPERM' ? 'silence' : 'refused';
  }
}
