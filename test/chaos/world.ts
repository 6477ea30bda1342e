import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelListeners } from '../../src/agent/host-listeners.ts';
import { KernelAddresses } from '../../src/agent/interface-addresses.ts';
import { takenPortsOf } from '../../src/agent/taken-ports.ts';
import { canonicalPlan } from '../../src/plan/canonical.ts';
import type { Planner } from '../../src/plan/planner.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import type { Manifest } from '../cluster/cluster-client.ts';
import { until } from '../cluster/recorder.ts';
import { type KubeChange, NODE } from '../generators/kube-objects.ts';
import { Stage } from '../netns/stage.ts';
import { ForeignRules } from './foreign.ts';
import { NodeAgent } from './node-agent.ts';
import { drawChange, type NodeState, nodeConfigText, Objects } from './objects.ts';
import type { Random } from './random.ts';
import { anchors, scene } from './scene.ts';
import { FolderStore } from './store/folder-store.ts';
import { makeFolder } from './store/make-folder.ts';
import { ServerStore } from './store/server-store.ts';
import type { SourceKind, Store } from './store/store.ts';
import { Oracle } from './traffic/oracle.ts';
import { Traffic } from './traffic/traffic.ts';

/** Milliseconds until the kernel must equal the plan after a fault. Long, for a busy machine and for pauses between attempts. */
const PATIENCE = 60_000;
/** Milliseconds between two comparisons while the ruleset stays: the node itself may have changed. */
const LOOK_EVERY = 300;
/** Random changes until one of them changes the plan. */
const MOST_DRAWN = 30;
const signal = new AbortController().signal;

/**
 * A node in network namespaces with an agent, a source of objects, traffic, and rules of another program. This process moves into the
 * node: one world a process.
 */
export class World {
  readonly stage: Stage;
  readonly agent: NodeAgent;
  readonly traffic: Traffic;
  readonly oracle: Oracle;
  readonly foreign = new ForeignRules();
  /** Of the agent: its temporary files and its configuration. */
  readonly folder = makeFolder('agent');
  readonly #kernel = new NftablesConnection();
  readonly #addresses = new KernelAddresses();
  readonly #listeners = new KernelListeners({ now: () => performance.now(), every: () => () => {} });
  #objects = new Objects();
  #folderStore: FolderStore | null = null;
  #serverStore: ServerStore | null = null;
  #source: SourceKind = 'folder';

  static async build(): Promise<World> {
    const stage = await Stage.build();
    await stage.setUp(scene);
    const world = new World(stage, await Traffic.start(stage));
    await world.foreign.load();
    return world;
  }

  private constructor(stage: Stage, traffic: Traffic) {
    this.stage = stage;
    this.traffic = traffic;
    this.oracle = new Oracle(
      (source) => stage.inputInterface(source),
      (address) => NODE.addresses.some((own) => own === address),
    );
    const config = join(this.folder, 'node.yaml');
    writeFileSync(config, nodeConfigText);
    const args = () => [...this.store.agentArgs, '--node-config', config];
    this.agent = new NodeAgent(args, { TMPDIR: this.folder, HOME: this.folder });
  }

  get source(): SourceKind {
    return this.#source;
  }

  /** Where the agent reads objects in this life. */
  get store(): Store {
    const store = this.#source === 'folder' ? this.#folderStore : this.#serverStore;
    if (store === null) throw new Error('the world has not begun');
    return store;
  }

  /** The API server, in a life that has one; else null. */
  get server(): ServerStore | null {
    return this.#source === 'kubernetes' ? this.#serverStore : null;
  }

  /** Begins anew: only the anchors are in the source, and a new agent has programmed them. */
  async begin(source: SourceKind): Promise<void> {
    await this.agent.end('SIGTERM');
    this.#source = source;
    if (source === 'folder') this.#folderStore ??= new FolderStore();
    else this.#serverStore ??= await ServerStore.start();
    await this.#replaceObjects();
    this.agent.spawn();
    await this.settled();
  }

  async #replaceObjects(): Promise<void> {
    // What stands in the source of this life is from an earlier one with the same source, or nothing.
    const earlier = this.#earlier.get(this.#source) ?? new Objects();
    this.#objects = earlier;
    this.#earlier.set(this.#source, earlier);
    for (const manifest of earlier.all()) {
      if (!anchors.some((anchor) => earlier.get(anchor) === manifest))
        await this.#make({ manifest, isGone: true, anew: false });
    }
    for (const manifest of anchors) {
      if (earlier.get(manifest) === null) await this.#make({ manifest, isGone: false, anew: false });
    }
  }

  readonly #earlier = new Map<SourceKind, Objects>();

  /** Makes one random change of an object at the source, and does not wait for the agent. */
  async change(random: Random): Promise<void> {
    await this.#make(drawChange(random));
  }

  /** As `change`, again and again until the plan is another one: there is something to commit. */
  async changePlan(random: Random): Promise<void> {
    const before = canonicalText(await this.plan());
    for (let drawn = 0; drawn < MOST_DRAWN; drawn++) {
      await this.change(random);
      if (canonicalText(await this.plan()) !== before) return;
    }
    throw new Error(`${MOST_DRAWN} changes left the plan as it was`);
  }

  async #make(change: KubeChange): Promise<void> {
    const { manifest } = change;
    const since = Oracle.now();
    const before = this.#objects.get(manifest);
    const stored = await this.store.change(change);
    // A server is asked in steps: removed, made, its status set. Each may come into force.
    if (this.#source === 'kubernetes') {
      const steps: (Manifest | null)[] = [];
      if (before !== null) steps.push(null);
      if (stored?.status !== undefined) steps.push(withoutStatus(stored));
      for (const by of steps) {
        this.oracle.want(await this.#objects.plan(this.#nodeState(), { of: manifest, by }), since);
      }
    }
    this.#objects.set(manifest, stored);
    await this.wanted(since);
  }

  /** Tells the oracle that another plan is wanted: for a fault that changed the node. Call it before and after. */
  async wanted(since = Oracle.now()): Promise<void> {
    this.oracle.want(await this.plan(), since);
  }

  /** The plan from scratch for what stands in the source and what the node is now. */
  async plan(): Promise<Planner> {
    return await this.#objects.plan(this.#nodeState());
  }

  #nodeState(): NodeState {
    this.#listeners.look();
    return { addresses: this.#addresses.current(), taken: takenPortsOf([this.#listeners]) };
  }

  /** Waits until the agent works and the kernel equals the plan from scratch; returns that plan. Throws with the differences. */
  async settled(): Promise<Planner> {
    await this.agent.inForce();
    const look = this.#looking();
    await until(look, (text) => text === 'kept', PATIENCE);
    const planner = await this.plan();
    this.oracle.want(planner);
    this.oracle.reached();
    return planner;
  }

  /** Waits until the kernel equals the plan from scratch, or the agent has ended. */
  async settledOrEnded(): Promise<'settled' | 'ended'> {
    const look = this.#looking();
    const found = async () => {
      if (!this.agent.isRunning) return 'ended';
      return this.agent.isInForce && (await look()) === 'kept' ? 'settled' : null;
    };
    return (await until(found, (one) => one !== null, PATIENCE)) ?? 'ended';
  }

  /** Tells the differences between kernel and plan; compares only when the ruleset may have changed, which costs much less. */
  #looking(): () => Promise<string> {
    let last = '';
    let generation = -1;
    let lookedAt = 0;
    return async () => {
      const { id } = this.#kernel.generation();
      const now = performance.now();
      if (id !== generation || now - lookedAt > LOOK_EVERY) {
        generation = id;
        lookedAt = now;
        last = await this.#differences();
      }
      return last;
    };
  }

  async #differences(): Promise<string> {
    const { plan } = await this.plan();
    const { skeleton, changes } = await this.stage.datapath.preview(plan, signal);
    return [skeleton, ...changes.map((change) => `${change.what} ${change.element}`)].join('\n');
  }

  /** Waits a time that belongs to the fault itself. */
  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  /** Ids of the processes that belong into the node's namespace. */
  get processes(): readonly number[] {
    const server = this.#serverStore?.server.process.pid;
    return [process.pid, ...(server === undefined ? [] : [server])];
  }

  async close(): Promise<void> {
    await this.agent.end('SIGKILL');
    await this.traffic.close();
    await this.#folderStore?.close();
    await this.#serverStore?.close();
    this.#kernel.close();
    this.#addresses.close();
    this.#listeners.close();
    this.stage.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function withoutStatus({ status: _, ...rest }: Manifest): Manifest {
  return rest;
}

function canonicalText({ plan }: Planner): string {
  return JSON.stringify(canonicalPlan(plan));
}
