import type { ConvergeOptions, Report } from '../../src/datapath/datapath.ts';
import type { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { DialOutcome } from '../../src/lab/probe-messages.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import type { PodFact, PodNatEntry } from '../../src/model/pod.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { defaultPlanOptions, type PlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { absent, ip, localAddress, nodeFacts, pod, portOf, present } from '../generators/build.ts';
import { ProgrammedNode } from '../netns/programmed-node.ts';
import { Stage } from '../netns/stage.ts';

/** Who is who: a client and a server outside, two pods with two families each, and the node between them. */
export const address = {
  client: ip('198.51.100.9'),
  client6: ip('2001:db8:9::9'),
  /** A client of another network. */
  stranger: ip('192.0.2.200'),
  stranger6: ip('2001:db8:a::9'),
  outside: ip('198.51.100.80'),
  outside6: ip('2001:db8:9::80'),
  /** The node's public address, and another one. */
  public: ip('203.0.113.7'),
  second: ip('192.0.2.10'),
  public6: ip('2001:db8::10'),
  podA: ip('10.244.1.5'),
  podB: ip('10.244.1.6'),
  podA6: ip('fd00:244::5'),
  podB6: ip('fd00:244::6'),
} as const;

export const SIGNAL = new AbortController().signal;

/** Milliseconds without an answer that count as silence; an answer takes some. */
const SILENCE = 400;

/** Milliseconds to wait for a certain answer; long enough for a busy machine. */
export const ANSWER = 4000;

export const smtp = (rest: Partial<PodFact>, entries: readonly PodNatEntry[]) =>
  pod(entries, { ips: [address.podA], ...rest });

/** The listeners in the pods; outside it is port 25 of each protocol. */
export interface Listening {
  readonly protocols?: readonly Protocol[];
  readonly podPorts?: readonly number[];
}

/** The topology with listeners in the pods (25 and 26 of every protocol, where nothing else is said) and outside. */
export async function buildStage(listening: Listening = {}): Promise<Stage> {
  const stage = await Stage.build();
  await setUpStage(stage, undefined, listening);
  return stage;
}

export async function setUpStage(
  stage: Stage,
  nodeAddresses = [address.public, address.second, address.public6],
  { protocols = ['TCP', 'UDP'], podPorts = [25, 26] }: Listening = {},
): Promise<void> {
  const pods = [address.podA, address.podB, address.podA6, address.podB6];
  await stage.setUp({
    nodeAddresses,
    sources: [address.client, address.client6, address.stranger, address.stranger6],
    targets: protocols.flatMap((protocol) => [
      ...pods.flatMap((pod) => podPorts.map((port) => ({ address: pod, protocol, port }))),
      ...[address.outside, address.outside6].map((outside) => ({ address: outside, protocol, port: 25 })),
    ]),
  });
}

/** The planner and the datapath of one node on the stage: what an agent does, step by step. */
export class PodNatNode {
  planner: Planner;
  readonly stage: Stage;
  readonly #node = new ProgrammedNode();

  constructor(stage: Stage, node: Partial<NodeFacts> = {}, options: PlanOptions = defaultPlanOptions) {
    this.stage = stage;
    this.planner = new Planner(factsOfNode(node), options);
  }

  get datapath(): NftablesDatapath {
    return this.#node.datapath;
  }

  /** Applies the objects; returns what was written for them. */
  async apply(...changes: readonly FactChange[]): Promise<Report> {
    this.planner.apply(changes);
    return await this.converge();
  }

  converge(options: ConvergeOptions = {}): Promise<Report> {
    return this.#node.converge(this.planner, options);
  }

  /** Begins again like a new process that knows only these objects. */
  async restart(...changes: readonly FactChange[]): Promise<Report> {
    this.forget(...changes);
    return await this.converge();
  }

  /** As `restart`, before the new process has written anything. */
  forget(...changes: readonly FactChange[]): void {
    this.#node.restart();
    this.planner = new Planner(factsOfNode({}), defaultPlanOptions);
    this.planner.apply(changes);
  }

  /** Elements of Pod NAT that the kernel has, by set: `{ bindings: 1, pod_sources: 1 }`. */
  async elements(): Promise<Record<string, number>> {
    const { elements } = await this.datapath.inspect(SIGNAL);
    const own = [...elements].map(([name, count]) => [name.split(' ')[2] ?? '', count] as const);
    return Object.fromEntries(own.filter(([set]) => ['bindings', 'pod_sources', 'restricted'].includes(set)));
  }

  end(): Promise<void> {
    return this.#node.end();
  }
}

function factsOfNode(rest: Partial<NodeFacts>): NodeFacts {
  return nodeFacts({
    nodeIPs: [address.second, address.public6],
    localAddresses: [
      localAddress(address.public, { onDefaultRoute: true }),
      localAddress(address.second),
      localAddress(address.public6, { onDefaultRoute: true }),
    ],
    ...rest,
  });
}

export type Name = keyof typeof address;

/** Who answers: the `address:port` of the listener, or `nobody`. */
export async function answererOf(
  stage: Stage,
  source: Name,
  to: Name,
  port = 25,
  protocol: Protocol = 'TCP',
  sourcePort?: number,
  waitMs = SILENCE,
): Promise<string> {
  return by(await dial(stage, source, to, port, protocol, { sourcePort, waitMs }));
}

/** Which address the listener saw. */
export async function sourceSeen(
  stage: Stage,
  source: Name,
  to: Name,
  protocol: Protocol = 'TCP',
): Promise<string> {
  const outcome = await dial(stage, source, to, 25, protocol, { waitMs: ANSWER });
  return outcome.outcome === 'answered' ? outcome.sawSource.replace(/:\d+$/, '') : outcome.outcome;
}

async function dial(
  stage: Stage,
  source: Name,
  to: Name,
  port: number,
  protocol: Protocol,
  { sourcePort, waitMs }: { readonly sourcePort?: number | undefined; readonly waitMs: number },
): Promise<DialOutcome> {
  const from = sourcePort === undefined ? {} : { sourcePort };
  return await stage.dial({ source: address[source], address: address[to], port, protocol, ...from }, waitMs);
}

function by(outcome: DialOutcome): string {
  return outcome.outcome === 'answered' ? outcome.by : 'nobody';
}

export const gone = (name: string) => absent('Pod', `mail/${name}`);
export const there = (fact: PodFact) => present('Pod', fact);
export const port = portOf;
