import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NFNLGRP_NFTABLES } from '../../src/wire/nftables/numbers.ts';
import { subscribe } from '../../src/wire/notifications.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { makeFolder, writeKubeconfig } from '../cluster/kubeconfig.ts';
import { node, readDefinition, slice } from '../cluster/manifests.ts';
import type { ApiObject } from '../cluster/simulator/objects.ts';
import { BUILT_IN } from '../cluster/simulator/resource-types.ts';
import type { Simulator } from '../cluster/simulator/simulator.ts';
import { startSimulator } from '../cluster/start-cluster.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';
import { AgentProcess } from './agent-process.ts';
import { clusterService } from './cluster-service.ts';

const CLIENTS = fileURLToPath(new URL('clients.js', import.meta.url));
/** Milliseconds between two changes that are measured, and for which one is waited for. */
const BETWEEN = 20;
const PATIENCE = 60_000;

/** One change, from the API server to the kernel, in milliseconds. */
export interface Change {
  readonly clock: number;
  /** Processor time of the agent's main thread, from the change to its commit: what the change waited for, and its own work. */
  readonly processor: number;
}

/** A node in a namespace of its own: an API server, the built agent, and clients that take what they can. */
export class NodeUnderLoad {
  readonly agent: AgentProcess;
  readonly #cluster: Cluster & { readonly simulator: Simulator };
  readonly #folder: string;
  readonly #stop: () => void;
  /** The address that is waited for, and who waits. */
  #wanted: { readonly bytes: Buffer; readonly seen: () => void } | null = null;
  #count = 0;

  /** @param through a command that runs the agent, such as within limits */
  static async start(services: number, through: readonly string[]): Promise<NodeUnderLoad> {
    enterFreshNamespace();
    execFileSync('ip', ['address', 'replace', '192.0.2.7/32', 'dev', 'lo']);
    const cluster = await startSimulator();
    const { simulator } = cluster;
    simulator.users.add(cluster.knatToken, 'knat', ['system:masters']);
    const scene = new NodeUnderLoad(cluster, through, services);
    await scene.change();
    return scene;
  }

  private constructor(
    cluster: Cluster & { readonly simulator: Simulator },
    through: readonly string[],
    services: number,
  ) {
    this.#cluster = cluster;
    this.put(node('node-0', '203.0.113.1'));
    this.put(readDefinition('nodenats'));
    for (let index = 0; index < services; index++) this.service(index, 1);
    this.#folder = makeFolder();
    this.#stop = subscribe(
      { protocol: 'NETLINK_NETFILTER', groups: [NFNLGRP_NFTABLES], receiveBuffer: 64 << 20 },
      ({ bytes, start, end }) => {
        const wanted = this.#wanted;
        if (
          wanted !== null &&
          Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).includes(wanted.bytes)
        )
          wanted.seen();
      },
      () => {},
    );
    const kubeconfig = writeKubeconfig(this.#folder, cluster, { token: cluster.knatToken });
    const open = ['--http-address', '0.0.0.0:8484', '--health-address', '0.0.0.0:10256'];
    this.agent = new AgentProcess(
      ['--source', 'kubernetes', '--kubeconfig', kubeconfig, '--node', 'node-0', ...open],
      through,
    );
  }

  put(object: object): void {
    this.#cluster.simulator.store.put(typeOf(object), object as ApiObject);
  }

  remove(object: object): void {
    this.#cluster.simulator.store.remove(typeOf(object), object as ApiObject);
  }

  /** A Service of one endpoint; `version` gives the endpoint another address. */
  service(index: number, version: number): void {
    const name = `web-${index}`;
    const cluster = `10.96.${(index >> 8) & 255}.${index & 255}`;
    if (version <= 1) this.put(clusterService(name, cluster, [80]));
    this.put(slice(`${name}-1`, name, [`10.${130 + (version % 100)}.${(index >> 8) & 255}.${index & 255}`]));
  }

  /** One change of an object that nobody else touches, until the kernel tells that it is committed. */
  async change(): Promise<Change> {
    const count = ++this.#count;
    const bytes = Buffer.of(10, 250, count >> 8, count & 255);
    const name = 'measured';
    if (count === 1) this.put(clusterService(name, '10.111.0.1', [80]));
    const seen = new Promise<void>((resolve) => {
      this.#wanted = { bytes, seen: resolve };
    });
    const before = { at: performance.now(), used: this.agent.processorTime() };
    this.put(slice(`${name}-1`, name, [bytes.join('.')]));
    const late = new AbortController();
    const outcome = await Promise.race([
      seen,
      sleep(PATIENCE, 'late', { signal: late.signal }).catch(() => 'seen'),
      this.agent.ended.then(() => 'ended'),
    ]);
    late.abort();
    if (outcome === 'late')
      throw new Error(`a change is not in the kernel after ${PATIENCE / 1000} s:\n${this.agent.errors}`);
    if (outcome === 'ended') throw new Error(`the agent ended:\n${this.agent.errors}`);
    this.#wanted = null;
    return { clock: performance.now() - before.at, processor: this.agent.processorTime() - before.used };
  }

  async changes(count: number): Promise<Change[]> {
    const all: Change[] = [];
    for (let index = 0; index < count; index++) {
      all.push(await this.change());
      await sleep(BETWEEN + (index % 7));
    }
    return all;
  }

  /** Clients of this kind, until the function that is returned is called. */
  async clients(kind: string, number: number): Promise<() => Promise<void>> {
    const child: ChildProcess = spawn(
      'prlimit',
      ['--nofile=20000', process.execPath, CLIENTS, kind, String(number)],
      {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      },
    );
    const ended = once(child, 'exit');
    child.stdout?.resume();
    await Promise.race([once(child.stdout ?? child, 'data'), ended, sleep(10_000)]);
    return async () => {
      child.disconnect();
      await ended;
    };
  }

  async stop(): Promise<void> {
    this.#stop();
    await this.agent.stop();
    await this.#cluster.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

function typeOf(object: object): (typeof BUILT_IN)[number] {
  const { kind } = object as ApiObject;
  const type = BUILT_IN.find((each) => each.kind === kind);
  if (type === undefined) throw new Error(`the API server has no ${kind}`);
  return type;
}
