import { answerFlow } from '../../src/explain/answer.ts';
import { isOwnAddress, type WalkedNode } from '../../src/explain/own.ts';
import { type Path, walk } from '../../src/explain/walk.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import type { Port, PortSpan } from '../../src/net/port.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import { sourcePortsKey } from '../../src/plan/entry-key.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { portOf } from '../generators/build.ts';
import { type Observed, observe, type SourceSeen } from '../netns/observe.ts';
import { allSettled, type Dialled, type Stage, type Target } from '../netns/stage.ts';

/** What a plan says about one packet, as far as the two ends can see it. */
export type Foretold =
  | { readonly kind: 'silence' | 'refusal' }
  | {
      readonly kind: 'answers';
      /** Each endpoint that may answer → the source addresses that it may see; `kept`: the unchanged source. */
      readonly from: ReadonlyMap<string, 'kept' | readonly IpAddress[]>;
      /** False where the client sticks to one endpoint: session affinity. */
      readonly everybody: boolean;
    };

/** Programs the plan and sends the packets; returns one text for each that does not go as `walk` says. */
export async function disagreements(
  stage: Stage,
  plan: NatPlan,
  node: NodeFacts,
  packets: readonly Dialled[],
): Promise<string[]> {
  const own = node.localAddresses.map(({ address }) => address).filter((address) => !isLoopback(address));
  await stage.setUp({
    nodeAddresses: [...new Set([...node.nodeIPs, ...own])],
    sources: packets.map(({ source }) => source),
    targets: [...packets, ...endpointsOf(plan)],
  });
  await stage.datapath.converge(plan, new AbortController().signal);
  return await kernelDisagreements(stage, plan, node, packets);
}

/** As `disagreements`, in a scene that is set up, with rules that another process programmed. */
export async function kernelDisagreements(
  stage: Stage,
  plan: NatPlan,
  node: NodeFacts,
  packets: readonly Dialled[],
): Promise<string[]> {
  const texts = await allSettled(
    packets.map(async (packet) => {
      const inputInterface = stage.inputInterface(packet.source);
      const foretold = foretell(plan, node, packet, inputInterface);
      const awaited = foretold.kind === 'answers' ? awaitedAnswers(foretold) : foretold;
      const observed = await observe(stage, packet, awaited);
      if (agrees(foretold, observed) && portsAgree(plan, node, packet, inputInterface, observed)) return null;
      const { source, address, port, protocol } = packet;
      const name = `${protocol} ${source} → ${formatEndpoint(address, port)}`;
      return [
        name,
        `  walk:    ${formatForetold(foretold)}`,
        `  because: ${becauseOf(plan, node, packet)}`,
        `  kernel:  ${formatObserved(observed)}`,
      ].join('\n');
    }),
  );
  return texts.filter((text) => text !== null);
}

/** Every endpoint that a packet may reach, right or wrong. */
export function endpointsOf(plan: NatPlan): Target[] {
  return [...plan.entries()].flatMap((entry) => {
    if (entry.kind !== 'ServiceFrontend' && entry.kind !== 'PodBinding') return [];
    const endpoints =
      entry.kind === 'PodBinding' ? [entry.endpoint] : [...entry.endpoints, ...(entry.localEndpoints ?? [])];
    return endpoints.map((endpoint) => ({ ...endpoint, protocol: entry.tuple.protocol }));
  });
}

/**
 * Source ports: from a port of its own binding a pod's packet leaves from that of the node, and every other translated one
 * from a port without an owner.
 */
function portsAgree(
  plan: NatPlan,
  node: WalkedNode,
  packet: Dialled,
  inputInterface: string | undefined,
  { answers }: Observed,
): boolean {
  const free = freePorts(plan, packet);
  return [...answers].every(([by, { ports }]) =>
    ports.every(({ dialled, seen }) => {
      const { paths } = walked(plan, node, packet, inputInterface, portOf(dialled));
      const path = paths.find(({ endpoint }) => formatEndpoint(endpoint.address, endpoint.port) === by);
      if (path === undefined || path.snatPort === null) return true; // `agrees` reports it
      if (path.snatPort !== 'free') return seen === path.snatPort;
      return free.some(({ first, last }) => first <= seen && seen <= last);
    }),
  );
}

export function freePorts(plan: NatPlan, { source, protocol }: Dialled): readonly PortSpan[] {
  const entry = plan.entry(sourcePortsKey(familyOf(source)));
  if (entry?.kind !== 'SourcePorts') return [];
  return [...entry.any[protocol], ...(entry.egress?.[protocol] ?? [])];
}

function walked(
  plan: NatPlan,
  node: WalkedNode,
  { source, address: destination, protocol, port }: Dialled,
  inputInterface: string | undefined,
  sourcePort?: Port,
) {
  return walk(plan, node, {
    source,
    destination,
    protocol,
    port: portOf(port),
    ...(inputInterface === undefined ? {} : { inputInterface }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
  });
}

/** What the packet becomes under the plan. */
export function foretell(
  plan: NatPlan,
  node: WalkedNode,
  packet: Dialled,
  inputInterface: string | undefined,
): Foretold {
  const { verdict, paths, unknown } = walked(plan, node, packet, inputInterface);
  if (verdict === 'drop') return { kind: 'silence' };
  if (verdict === 'reject') return { kind: 'refusal' };
  const from = new Map(
    paths.map((path) => [
      formatEndpoint(path.endpoint.address, path.endpoint.port),
      sourceAfter(path, node, packet.source),
    ]),
  );
  return { kind: 'answers', from, everybody: !unknown.includes('affinity') };
}

function becauseOf(plan: NatPlan, node: WalkedNode, { source, address, protocol, port }: Dialled): string {
  const packet = { source, protocol, destination: address, port: portOf(port) };
  return answerFlow(plan, node, packet).because;
}

/** A packet from elsewhere that ends on the node passes no postrouting: the walk's unknown `local-endpoint`. */
function sourceAfter(path: Path, node: WalkedNode, source: IpAddress): 'kept' | readonly IpAddress[] {
  if (path.snat === null) return 'kept';
  if (isOwnAddress(node, path.endpoint.address) && !isOwnAddress(node, source)) return 'kept';
  if (path.snat !== 'node') return [path.snat];
  return node.localAddresses.flatMap(({ address }) =>
    familyOf(address) === familyOf(source) ? [address] : [],
  );
}

function awaitedAnswers({ from, everybody }: Extract<Foretold, { kind: 'answers' }>) {
  return { kind: 'answers' as const, from: new Set(from.keys()), everybody };
}

function agrees(foretold: Foretold, { refused, silent, unreachable, answers }: Observed): boolean {
  if (unreachable.size > 0) return false;
  switch (foretold.kind) {
    case 'silence':
      return refused === 0 && answers.size === 0;
    case 'refusal':
      return silent === 0 && answers.size === 0;
    case 'answers':
      if (refused > 0 || silent > 0) return false;
      if (foretold.everybody ? answers.size !== foretold.from.size : answers.size === 0) return false;
      return [...answers].every(([by, seen]) => isForetold(foretold.from.get(by), seen));
    default:
      return foretold satisfies never;
  }
}

function isForetold(source: 'kept' | readonly IpAddress[] | undefined, seen: SourceSeen): boolean {
  if (source === undefined) return false;
  if (source === 'kept') return seen.rewritten.size === 0;
  // A source that is masqueraded to its own address keeps its port by chance once in a long while.
  const rewrites = [...seen.rewritten.values()].reduce((sum, count) => sum + count, 0);
  return (
    rewrites > seen.kept &&
    [...seen.rewritten.keys()].every((address) => source.some((one) => one === address))
  );
}

function formatForetold(foretold: Foretold): string {
  if (foretold.kind !== 'answers') return foretold.kind;
  return [...foretold.from]
    .map(([by, source]) => `${by} sees ${source === 'kept' ? 'the source' : source.join(' or ')}`)
    .join('; ');
}

function formatObserved({ refused, silent, unreachable, answers }: Observed): string {
  const rewrites = ({ kept, rewritten }: SourceSeen) => [
    ...(kept > 0 ? [`the source (${kept})`] : []),
    ...[...rewritten].map(([to, count]) => `${to} (${count})`),
  ];
  return [
    ...(silent > 0 ? [`silence (${silent})`] : []),
    ...(refused > 0 ? [`refusal (${refused})`] : []),
    ...unreachable,
    ...[...answers].map(([by, seen]) => {
      const ports = seen.ports.map(({ dialled, seen: now }) => `${dialled} as ${now}`);
      return `${by} sees ${rewrites(seen).join(' and ')}${ports.length === 0 ? '' : `, ports ${ports.join(', ')}`}`;
    }),
  ].join('; ');
}
