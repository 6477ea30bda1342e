import fc from 'fast-check';
import { formatEndpoint } from '../../src/net/address.ts';
import type { Planner } from '../../src/plan/planner.ts';
import { NODE } from '../generators/kube-objects.ts';
import { packetChoice, packetsOf } from '../generators/traffic.ts';
import type { Dialled } from '../netns/stage.ts';
import { problemsOf } from './checks/checks.ts';
import { type Footprint, footprintOf } from './checks/memory.ts';
import { cpuSeconds } from './cpu.ts';
import type { Recovered } from './fault.ts';
import { kinds } from './kinds.ts';
import { Random } from './random.ts';
import type { FaultResult, LifeResult } from './results.ts';
import { dialledAlways, heldPorts } from './scene.ts';
import { lifeOf, type Scheduled, scheduled } from './schedule.ts';
import type { SourceKind } from './store/store.ts';
import type { DialEnd, Way } from './traffic/talker-messages.ts';
import { World } from './world.ts';

/** Random changes before the first fault of a life. */
const FIRST_CHANGES = 8;
/** Connections that the random objects suggest, beside those to the anchors. */
const CHOICES = 12;
/** Faults until an agent's memory and descriptors are those of its work. */
const WARM = 10;

export interface SeriesOptions {
  readonly seed: number;
  /** Names of the kinds to choose from; null: all. */
  readonly only: readonly string[] | null;
  /** Null: each life has its own. */
  readonly source: SourceKind | null;
}

/** Runs faults one after the other in one world, which it makes anew when a fault left it broken. */
export class Series {
  readonly #options: SeriesOptions;
  #world: World | null = null;
  #footprints: Footprint[][] = [];
  #starts = 0;
  #dials = 0;

  constructor(options: SeriesOptions) {
    this.#options = options;
  }

  /** The faults of one life; `report` gets each result at once. */
  async live(indices: readonly number[], report: (result: FaultResult) => void): Promise<LifeResult> {
    const [first = 0] = indices;
    const source = this.#options.source ?? lifeOf(first).source;
    this.#footprints = [];
    this.#dials = 0;
    this.#starts = 0;
    let world = await this.#begin(source, first);
    const faults: FaultResult[] = [];
    for (const index of indices) {
      const result = await this.#fault(world, source, index);
      faults.push(result);
      report(result);
      if (result.problems.length > 0) {
        await this.close();
        world = await this.#begin(source, index);
      }
    }
    faults.push(...(await this.#last(world, source, indices.at(-1) ?? first)));
    return {
      faults,
      dials: this.#dials,
      footprints: this.#footprints,
      starts: this.#starts,
      cpuSeconds: cpuSeconds(),
    };
  }

  async close(): Promise<void> {
    const world = this.#world;
    this.#world = null;
    await world?.close();
  }

  async #begin(source: SourceKind, index: number): Promise<World> {
    const isNew = this.#world === null;
    const world = this.#world ?? (await World.build());
    this.#world = world;
    await world.begin(source);
    if (isNew) await world.traffic.hold();
    const random = Random.of(this.#options.seed, -1 - index);
    for (let i = 0; i < FIRST_CHANGES; i++) await world.change(random);
    await this.#dialFor(world, await world.settled(), random);
    return world;
  }

  async #fault(world: World, source: SourceKind, index: number): Promise<FaultResult> {
    const { kind, random } = this.#scheduled(index);
    const base = { index, kind: kind.name, source, place: null };
    const skipped = kind.needs?.(world) ?? null;
    if (skipped !== null) return { ...base, note: '', milliseconds: 0, skipped, problems: [] };
    const start = performance.now();
    const starts = world.agent.starts;
    const problems: string[] = [];
    let recovered: Recovered = { dials: 'none' };
    const end = world.oracle.begin(index);
    try {
      recovered = await kind.run(world, random);
      const planner = await world.settled();
      end(recovered.dials);
      problems.push(...(await problemsOf(world)), ...(await this.#judgeDials(world)));
      if (kind.endsAgent !== true && world.agent.starts !== starts)
        problems.push('the agent did not survive');
      this.#measure(world, world.agent.starts !== starts);
      await this.#dialFor(world, planner, random);
    } catch (error) {
      end('none');
      problems.push(error instanceof Error ? error.message : String(error));
      problems.push(`the agent's log ends with:\n${await world.agent.logEnd()}`);
    }
    this.#starts += world.agent.starts - starts;
    const { note = '', place = null } = recovered;
    return { ...base, note, place, milliseconds: performance.now() - start, skipped: null, problems };
  }

  #scheduled(index: number): Scheduled {
    const { seed, only, source } = this.#options;
    const chosen = only === null ? kinds : kinds.filter(({ name }) => only.includes(name));
    return scheduled(seed, index, chosen, source ?? lifeOf(index).source);
  }

  /** Waits for the connections under way, and judges them as a last result if one is wrong. */
  async #last(world: World, source: string, index: number): Promise<FaultResult[]> {
    await world.traffic.dial([]);
    const problems = await this.#judgeDials(world);
    for (let underWay = 1; underWay > 0; ) {
      const collected = await world.traffic.collect();
      problems.push(...this.#judge(world, collected.ends));
      underWay = collected.underWay;
      if (underWay > 0) await world.pause(50);
    }
    if (problems.length === 0) return [];
    return [
      { index, kind: 'after it', source, note: '', place: null, milliseconds: 0, skipped: null, problems },
    ];
  }

  async #judgeDials(world: World): Promise<string[]> {
    return this.#judge(world, (await world.traffic.collect()).ends);
  }

  #judge(world: World, ends: readonly DialEnd[]): string[] {
    this.#dials += ends.length;
    return ends.flatMap((end) => {
      const wrong = world.oracle.judge(end);
      return wrong === null ? [] : [`a new connection during ${wrong.indices.join(', ')}: ${wrong.text}`];
    });
  }

  #measure(world: World, isNew: boolean): void {
    if (isNew || this.#footprints.length === 0) this.#footprints.push([]);
    const points = this.#footprints.at(-1);
    const age = (points?.at(-1)?.age ?? 0) + 1;
    points?.push(footprintOf(world.agent.pid, age));
    if (points !== undefined && points.length > 1 && age <= WARM) points.shift();
  }

  /** From now on opens connections to the anchors, and some that the present objects suggest. */
  async #dialFor(world: World, planner: Planner, random: Random): Promise<void> {
    const choices = fc.sample(packetChoice, { seed: random.below(2 ** 31), numRuns: CHOICES });
    const { plan, node } = planner;
    const suggested = packetsOf({ node, choices }, plan).filter((packet) => isUsable(packet));
    const ways = [...dialledAlways, ...suggested.map(wayOf)];
    const judged = ways.filter((way) => world.oracle.foretells(way, planner));
    world.oracle.dial(judged, planner);
    await world.traffic.dial(judged);
  }
}

/** Not of the node itself, nor of the cables of the scene. To an address of the node only where something answers. */
function isUsable({ source, address, protocol, port }: Dialled): boolean {
  const isOwn = (one: string) => NODE.addresses.some((own) => own === one);
  if (heldPorts.has(port)) return false;
  return protocol !== 'SCTP' && !isOwn(source) && !source.startsWith('fe80:') && !address.startsWith('fe80:');
}

function wayOf({ source, address, protocol, port }: Dialled): Way {
  return {
    source,
    address,
    protocol,
    port,
    key: `${protocol} ${source} → ${formatEndpoint(address, port)}`,
  };
}
