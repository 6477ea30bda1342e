import { expect } from 'vitest';
import { node, service } from './manifests.ts';
import { until } from './recorder.ts';
import type { Simulator } from './simulator/simulator.ts';
import { type Running, Stage } from './stage.ts';
import { startSimulator } from './start-cluster.ts';

/** The Services that the server has when a test begins. */
export const ALL = ['shop/a', 'shop/b', 'shop/c', 'shop/d', 'shop/e', 'shop/f', 'shop/g'];

/** Milliseconds: longer than any test. */
export const LONG = 600_000;

/** Resources that every server has. */
const RESOURCES = ['services', 'pods', 'nodes', 'endpointslices'];

/** A server with some Services, whose faults are made and forgotten. */
export class FaultStage {
  readonly stage: Stage;
  readonly simulator: Simulator;

  static async start(): Promise<FaultStage> {
    const cluster = await startSimulator();
    const faults = new FaultStage(new Stage(cluster), cluster.simulator);
    await faults.stage.prepare();
    await faults.stage.client.create(node('node-a', '192.0.2.1'));
    return faults;
  }

  private constructor(stage: Stage, simulator: Simulator) {
    this.stage = stage;
    this.simulator = simulator;
  }

  /** Before each test. */
  async addServices(): Promise<void> {
    for (const key of ALL) await this.stage.client.put(service(key.replace('shop/', '')));
  }

  /** After each test. */
  async forget(): Promise<void> {
    const { stage, simulator } = this;
    simulator.faults.clear();
    await stage.quiet();
    for (const object of await stage.client.list('/api/v1/services')) {
      await stage.client.remove(service(object.metadata.name));
    }
  }

  /** Checks that the source receives changes and has removed no existing object. */
  async expectAlive(running: Running): Promise<void> {
    await this.stage.expectAlive(running);
    expect(running.sink.removed.filter((key) => key !== 'Service shop/alive')).toEqual([]);
  }

  /** A snapshot of the server, taken before the Service `shop/lost` is created and arrives at the source. */
  async backupBeforeLost({ sink }: Running) {
    const backup = this.simulator.store.snapshot();
    await this.stage.client.put(service('lost'));
    await until(
      () => sink.keys('Service'),
      (keys) => keys.includes('shop/lost'),
    );
    return backup;
  }

  /** Requests for lists of Services. */
  lists(): string[] {
    return this.simulator.requests.filter((line) => /^GET \/api\/v1\/services(\?|$)(?!.*watch)/.test(line));
  }

  streams(): string[] {
    return this.simulator.requests.filter((line) => /services\?.*sendInitialEvents/.test(line));
  }
}

export async function lostIsGone({ sink }: Running): Promise<void> {
  await until(
    () => sink.keys('Service'),
    (keys) => !keys.includes('shop/lost'),
  );
}

/** Waits until the source has been refused this many times more for each of the resources. */
export async function failedAgain({ debug }: Running, times: number): Promise<void> {
  const from = debug.length;
  await until(
    () => debug.slice(from).filter((line) => line.includes('; again in ')),
    (lines) =>
      RESOURCES.every((plural) => lines.filter((line) => line.includes(`/${plural}: `)).length >= times),
  );
}
