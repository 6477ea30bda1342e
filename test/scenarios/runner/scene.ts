import { isOwnAddress } from '../../../src/explain/own.ts';
import type { Packet as WalkedPacket } from '../../../src/explain/packet.ts';
import { packetOfQuestion } from '../../../src/explain/question.ts';
import { type Walk, walk } from '../../../src/explain/walk.ts';
import type { IpAddress } from '../../../src/net/address.ts';
import { prefixContains } from '../../../src/net/prefix.ts';
import { hasPorts } from '../../../src/net/protocol.ts';
import { endpointsOf } from '../../conformance/agreement.ts';
import type { Target } from '../../netns/stage.ts';
import type { Packet, Scenario, Step } from './scenario.ts';
import { World } from './world.ts';

/** The addresses and listeners of a scenario, over all of its steps. */
export interface Cast {
  /** The addresses behind the interface of the pods: Pods, endpoints, and others of the node's pod networks. */
  readonly behindPods: ReadonlySet<IpAddress>;
  /** All other sources and destinations of packets, except the node. */
  readonly outside: ReadonlySet<IpAddress>;
  /** The listeners of each step. */
  readonly listening: ReadonlyMap<Step, readonly Target[]>;
}

/** A packet that is understood, and its walk; or why it cannot be asked for. */
export type Asked = { readonly walk: Walk; readonly packet: WalkedPacket } | string;

/** The interface that packets of pods come in by. */
export const POD_INTERFACE = 'cni0';

/** Goes through the scenario once to see who takes part. Packets that cannot be asked for are passed over. */
export async function castOf(scenario: Scenario): Promise<Cast> {
  const world = await World.of(scenario);
  const behindPods = new Set<IpAddress>();
  const ends = new Set<IpAddress>();
  const listening = new Map<Step, readonly Target[]>();
  let node = scenario.node;
  for (const step of scenario.steps) {
    world.take(step);
    node = { ...node, ...step.node };
    const { planner } = world;
    const packets = step.packets.flatMap((packet) => {
      const asked = packetOfQuestion(packet, planner);
      return typeof asked === 'string' ? [] : [{ ...asked, unanswered: packet.unanswered }];
    });
    // Of a range of ports the plan has one endpoint, the walk the one that is meant.
    const met = packets.map((packet) => {
      const { paths } = walk(planner.plan, planner.heldNode, packet);
      const { protocol, destination: address, port, unanswered } = packet;
      const ends = [{ address, port }, ...paths.map(({ endpoint }) => endpoint)];
      // Nobody listens for an echo request: hosts answer it themselves.
      const targets = hasPorts(protocol) ? ends.map((end) => ({ ...end, protocol })) : [];
      return { unanswered, targets };
    });
    const endpoints = endpointsOf(planner.plan);
    const quiet = new Set([
      ...met.filter(({ unanswered }) => unanswered).flatMap(({ targets }) => targets.map(listenerName)),
      ...packets.flatMap(({ source: address, protocol, sourcePort: port }) =>
        port === undefined || !hasPorts(protocol) ? [] : [listenerName({ address, protocol, port })],
      ),
    ]);
    const programs = node.programs.flatMap(({ address, protocol, port }) =>
      (address === null ? node.addresses : [address]).map((each) => ({ address: each, protocol, port })),
    );
    const targets = [...endpoints, ...met.flatMap((each) => each.targets), ...programs];
    listening.set(
      step,
      targets.filter((target) => !quiet.has(listenerName(target))),
    );
    const pods = [...planner.pods.values()]
      .filter(({ hostNetwork }) => !hostNetwork)
      .flatMap(({ ips }) => ips);
    for (const address of [...pods, ...endpoints.map((one) => one.address)]) behindPods.add(address);
    for (const { source, destination } of packets) {
      for (const address of [source, destination]) {
        const isPod = planner.node.podNetworks.some((network) => prefixContains(network, address));
        (isPod ? behindPods : ends).add(address);
      }
    }
  }
  const outside = new Set([...ends].filter((address) => !behindPods.has(address)));
  return { behindPods, outside, listening };
}

function listenerName({ protocol, address, port }: Target): string {
  return `${protocol} ${address} ${port}`;
}

/** An echo request. */
export function isPing({ proto }: Packet): boolean {
  return proto?.toLowerCase() === 'icmp';
}

/** Walks the packet through the plan of the world. */
export function ask(world: World, cast: Cast, packet: Packet): Asked {
  const { planner } = world;
  const asked = packetOfQuestion(packet, planner);
  if (typeof asked === 'string') return asked;
  const node = planner.heldNode;
  const inputInterface = cast.behindPods.has(asked.source) ? POD_INTERFACE : 'eth0';
  const whole = isOwnAddress(node, asked.source) ? asked : { ...asked, inputInterface };
  return { packet: whole, walk: walk(planner.plan, node, whole) };
}
