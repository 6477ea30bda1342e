import { rmSync } from 'node:fs';
import { kubeSource } from '../../src/sources/kube/kube-source.ts';
import type { KubeOptions } from '../../src/sources/kube/options.ts';
import { agentBinding, agentRole } from './agent-role.ts';
import type { Cluster } from './cluster.ts';
import { ClusterClient } from './cluster-client.ts';
import { makeFolder, writeKubeconfig } from './kubeconfig.ts';
import { namespace, service } from './manifests.ts';
import { Recorder, until } from './recorder.ts';
import { isReal } from './start-cluster.ts';

/** Short times, so that a test of a recovery takes no minute; a real server sends a bookmark about every minute. */
export const QUICK: NonNullable<KubeOptions['timings']> = {
  retryFirst: 20,
  retryLongest: 200,
  listIdle: isReal ? 10_000 : 2_000,
  watchIdle: isReal ? 90_000 : 1_000,
  absentFirst: 50,
  absentLongest: 100,
  absentGrace: 500,
  optionalPatience: 300,
  reportAfter: 300,
  refusedAfter: 300,
  pageSize: 3,
};

export interface Running {
  readonly sink: Recorder;
  readonly debug: string[];
  stop(): Promise<void>;
}

/** A cluster with the rights that the agent has, and sources that run against it. */
export class Stage {
  readonly cluster: Cluster;
  readonly client: ClusterClient;
  readonly folder = makeFolder();
  readonly kubeconfig: string;
  readonly #running: Running[] = [];

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.client = new ClusterClient(cluster);
    this.kubeconfig = writeKubeconfig(this.folder, cluster, { token: cluster.knatToken });
  }

  async prepare(): Promise<void> {
    await this.client.put(namespace('shop'));
    await this.client.put(agentRole());
    await this.client.put(agentBinding);
  }

  start(options: Partial<KubeOptions> = {}): Running {
    const sink = new Recorder();
    const debug: string[] = [];
    const stop = new AbortController();
    const source = kubeSource({
      nodeName: 'node-a',
      enable: { service: true, pod: true, egress: true },
      access: { environment: {}, kubeconfig: this.kubeconfig },
      debug: (line) => debug.push(line),
      ...options,
      timings: { ...QUICK, ...options.timings },
    });
    const ended = source.run(sink, stop.signal);
    // A source that ends by itself is an error of the test that waits for it.
    ended.catch(() => {});
    const running = {
      sink,
      debug,
      stop: async () => {
        stop.abort();
        await ended;
      },
    };
    this.#running.push(running);
    return running;
  }

  /** Checks that the source receives changes: a new Service arrives, and disappears when it is removed. */
  async expectAlive({ sink }: Running): Promise<void> {
    await this.client.put(service('alive'));
    await until(
      () => sink.keys('Service'),
      (keys) => keys.includes('shop/alive'),
    );
    await this.client.remove(service('alive'));
    await until(
      () => sink.keys('Service'),
      (keys) => !keys.includes('shop/alive'),
    );
  }

  /** Ends all sources. */
  async quiet(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((each) => each.stop().catch(() => {})));
  }

  async close(): Promise<void> {
    await this.quiet();
    await this.cluster.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Waits until the source has delivered everything that there is. */
export async function synced(running: Running): Promise<Running> {
  await until(
    () => [running.sink.isSynced, ...running.sink.problems()],
    ([isSynced]) => isSynced === true,
  );
  return running;
}
