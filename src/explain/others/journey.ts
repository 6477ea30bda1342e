import { familyOf } from '../../net/address.ts';
import { hasPorts } from '../../net/protocol.ts';
import { ChainWalker } from '../../netfilter/chains.ts';
import type { Course, Ended } from '../../netfilter/course.ts';
import { type OwnChain, throughHook } from '../../netfilter/hooks.ts';
import type { Host } from '../../netfilter/host.ts';
import { Budget } from '../../netfilter/limits.ts';
import type { Interface, PassingPacket } from '../../netfilter/packet.ts';
import type { Ruleset } from '../../netfilter/rule.ts';
import { scopeOf } from '../../plan/nat-plan.ts';
import { icmpHeader } from '../icmp-types.ts';
import { isOwnAddress } from '../own.ts';
import type { Packet } from '../packet.ts';
import { connectionFor, type Follower } from './follower.ts';
import { NOTHING_OWN, type OwnCourse, type OwnRules, ownChains } from './own-chains.ts';

/** Where the packet is at the end of a course. */
export type Fate =
  /** A socket of this host gets it, if one listens. */
  | { readonly kind: 'delivered' }
  | { readonly kind: 'sent'; readonly output: Interface | null }
  /** `by` null: knat or routing, see `because`. */
  | { readonly kind: 'dropped' | 'rejected' | 'unknown'; readonly because: string; readonly by: Ended['by'] };

export interface JourneyEnd {
  readonly course: Course<OwnCourse>;
  readonly fate: Fate;
}

/** The whole way of a packet through this node: our rules, those of other programs, and routing. */
export interface Journey {
  /** The interface by which the packet comes in, as asked or by the route to its sender; null: this node sends it, or nobody knows. */
  readonly input: Interface | null;
  /** The interface was not asked for; it is the one by which the sender is reached. */
  readonly inputIsAssumed: boolean;
  /** The courses that it may take: several for several endpoints, or where a rule cannot be decided. */
  readonly ends: readonly JourneyEnd[];
  /** What could not be examined, for people. */
  readonly limits: readonly string[];
}

/** What a journey needs to know of this node. */
export interface JourneyHost extends Host {
  interfaceNamed(name: string): Interface | undefined;
  interfaceTo(address: Packet['source']): Interface | undefined;
}

const LOOPBACK: Interface = { name: 'lo', index: 1 };
const CLEAN = { value: 0, known: 0xffff_ffff };

/**
 * @param turn lets other work of the process happen
 */
export async function journeyOf(
  { packet, flow }: Follower,
  own: Omit<OwnRules, 'scope'>,
  ruleset: Ruleset,
  host: JourneyHost,
  turn: () => Promise<void>,
): Promise<Journey> {
  const family = familyOf(packet.destination);
  const isLocal = isOwnAddress(own.node, packet.source);
  const input = isLocal ? null : inputOf(packet, host);
  const { source, destination, protocol, sourcePort = null, icmp } = packet;
  const port = hasPorts(protocol) ? packet.port : null;
  const connection = connectionFor(packet, flow);
  const start: PassingPacket = {
    family,
    protocol,
    ...(icmp === undefined ? {} : { icmp: icmpHeader(icmp.kind, family) }),
    source,
    sourcePort,
    destination,
    port,
    isLocal,
    input,
    output: null,
    mark: CLEAN,
    // What earlier packets left there is not read.
    connectionMark: connection === undefined ? CLEAN : { value: 0, known: 0 },
    tracking: 'before',
    ...(connection === undefined ? {} : { connection }),
    original: { source, sourcePort, destination, port },
    isDecided: { destination: false, source: false },
  };
  const budget = new Budget(turn);
  const chains = ownChains({ ...own, scope: scopeOf(own.plan, family) }, host);
  const traveller = new Traveller(new ChainWalker(ruleset, host, budget), ruleset, host, chains);
  const first: Course<OwnCourse> = { packet: start, assumed: [], met: [], own: NOTHING_OWN };
  await (isLocal ? traveller.fromHere(first) : traveller.fromOutside(first));
  return {
    input: input ?? null,
    inputIsAssumed: !isLocal && packet.inputInterface === undefined,
    ends: distinct(traveller.ends),
    limits: [...budget.told],
  };
}

function inputOf({ inputInterface, source }: Packet, host: JourneyHost): Interface | undefined {
  return inputInterface === undefined ? host.interfaceTo(source) : host.interfaceNamed(inputInterface);
}

class Traveller {
  readonly ends: JourneyEnd[] = [];
  readonly #walker: ChainWalker;
  readonly #ruleset: Ruleset;
  readonly #host: Host;
  readonly #own: readonly OwnChain<OwnCourse>[];

  constructor(walker: ChainWalker, ruleset: Ruleset, host: Host, own: readonly OwnChain<OwnCourse>[]) {
    this.#walker = walker;
    this.#ruleset = ruleset;
    this.#host = host;
    this.#own = own;
  }

  async fromOutside(course: Course<OwnCourse>): Promise<void> {
    if (course.packet.input) this.#tell('ingress', course.packet.input);
    for (const routed of await this.#hook('prerouting', [course])) {
      const out = this.#routed(routed);
      if (out === 'here') await this.#delivered([routed]);
      else if (out !== null) await this.#leaves(await this.#hook('forward', [out]));
    }
  }

  /** A packet of this node is routed before the hook output, and again if a translation or a chain of type route there changed it. */
  async fromHere(course: Course<OwnCourse>): Promise<void> {
    const first = this.#routed(course);
    if (first === null) return;
    const outputs = await this.#hook('output', [first === 'here' ? this.#loop(course) : first]);
    for (const sent of outputs) {
      if (sent.packet.output?.index !== LOOPBACK.index) await this.#leaves([sent]);
      else {
        const looped = await this.#hook('postrouting', [sent]);
        const back = looped.map((one) => ({
          ...one,
          packet: { ...one.packet, input: one.packet.output, output: null, isConfirmed: true as const },
        }));
        await this.#delivered(await this.#hook('prerouting', back, true));
      }
    }
  }

  /** To the node itself by loopback. */
  #loop(course: Course<OwnCourse>): Course<OwnCourse> {
    return { ...course, packet: { ...course.packet, output: LOOPBACK } };
  }

  #again(course: Course<OwnCourse>): Course<OwnCourse> | null {
    const routed = this.#routed(course);
    return routed === 'here' ? this.#loop(course) : routed;
  }

  async #leaves(courses: readonly Course<OwnCourse>[]): Promise<void> {
    for (const course of await this.#hook('postrouting', courses)) {
      if (course.packet.output) this.#tell('egress', course.packet.output);
      this.ends.push({ course, fate: { kind: 'sent', output: course.packet.output ?? null } });
    }
  }

  /** Chains at interfaces are not examined, and nobody knows what they do. */
  #tell(end: 'ingress' | 'egress', one: Interface): void {
    for (const text of this.#ruleset.besideHooks(end, one)) this.#walker.budget.told.add(text);
  }

  async #delivered(courses: readonly Course<OwnCourse>[]): Promise<void> {
    for (const course of await this.#hook('input', courses))
      this.ends.push({ course, fate: { kind: 'delivered' } });
  }

  async #hook(
    hook: Parameters<typeof throughHook>[0],
    courses: readonly Course<OwnCourse>[],
    isSecond = false,
  ): Promise<readonly Course<OwnCourse>[]> {
    const { on, ended } = await throughHook(
      hook,
      courses,
      this.#walker,
      this.#ruleset.bases,
      this.#own,
      isSecond,
      hook === 'output' ? (course) => this.#again(course) : undefined,
    );
    for (const { course, verdict, by, because } of ended) {
      const kind = verdict === 'drop' ? 'dropped' : verdict === 'reject' ? 'rejected' : 'unknown';
      this.ends.push({ course, fate: { kind, by, because } });
    }
    return on;
  }

  /** Null: it ends here, or routing cannot be followed. */
  #routed(course: Course<OwnCourse>): Course<OwnCourse> | 'here' | null {
    const { packet } = course;
    const routing = this.#host.route(packet);
    const ended = (kind: 'dropped' | 'rejected' | 'unknown', because: string) => {
      this.ends.push({ course, fate: { kind, by: null, because } });
      return null;
    };
    switch (routing.kind) {
      case 'local':
        return 'here';
      case 'out':
        return { ...course, packet: { ...packet, output: routing.output } };
      case 'several':
        return ended(
          'unknown',
          `which of several routes it takes: ${routing.outputs.map(({ name }) => name).join(', ')}`,
        );
      case 'drop':
        return ended('dropped', routing.because);
      case 'reject':
        return ended('rejected', routing.because);
      default:
        return ended('unknown', routing.because);
    }
  }
}

/** Of ends that are the same for the packet, the one with the fewest assumptions: what divided them does not matter. */
function distinct(ends: readonly JourneyEnd[]): JourneyEnd[] {
  const byKey = new Map<string, JourneyEnd>();
  for (const end of ends) {
    const key = endKey(end);
    const other = byKey.get(key);
    if (other === undefined || end.course.assumed.length < other.course.assumed.length) byKey.set(key, end);
  }
  return [...byKey.values()].sort((a, b) => a.course.assumed.length - b.course.assumed.length);
}

function endKey({ course, fate }: JourneyEnd): string {
  const { source, destination, port } = course.packet;
  const { endpoint } = course.own;
  if (fate.kind === 'sent')
    return JSON.stringify([fate.kind, fate.output?.name, source, destination, port, endpoint]);
  if (fate.kind === 'delivered') return JSON.stringify([fate.kind, source, destination, port, endpoint]);
  return JSON.stringify([fate.kind, fate.because, fate.by, endpoint]);
}
