import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import type { NodeAccount } from '../../src/status/kube/account.ts';
import { ClusterReporter } from '../../src/status/kube/cluster-reporter.ts';
import type { StoreOutcome } from '../../src/status/store-outcome.ts';
import { readDefinition } from './manifests.ts';
import { until } from './recorder.ts';
import type { ApiObject } from './simulator/objects.ts';
import type { Stage } from './stage.ts';

export const NODE_NAT = '/apis/knat.dev/v1/nodenats/node-a';

/** The CustomResourceDefinition of the chart. */
export const nodeNatDefinition = readDefinition('nodenats');

/** A clock that runs 100 times as fast, so that a test of an interval of seconds takes none. */
const FAST = 100;

/** Milliseconds of that clock that never pass. */
const NEVER = 10 * 60_000;

/** A reporter of an account that the test sets. */
export class ReporterRun {
  readonly troubles = new Map<string, string>();
  readonly debug: string[] = [];
  readonly outcomes: StoreOutcome[] = [];
  account: NodeAccount | null;
  /** For conditions; null: the present. */
  wallClock: Date | null = null;
  #looks = 0;
  #heldAtLook = 0;
  /** How often the account had been read before the last `tell`, which may read it at once. */
  #looksBefore = 0;
  readonly #reporter: ClusterReporter;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  private constructor(client: ApiClient, account: NodeAccount | null, wanted: Wanted) {
    this.account = account;
    this.#reporter = new ClusterReporter({
      client,
      node: 'node-a',
      surroundings: {
        now: () => performance.now() * FAST,
        sleep: async (milliseconds, signal) => {
          // What would happen anyway after ten minutes never happens in a test.
          const real = milliseconds >= NEVER ? 2 ** 31 - 1 : milliseconds / FAST;
          await sleep(real, undefined, { signal }).catch(() => {});
        },
        random: () => 0.5,
        wallClock: () => this.wallClock ?? new Date(),
      },
      uidOf: (kind, key) => wanted.uids?.[`${kind} ${key}`] ?? null,
      trouble: (code, message) => {
        if (message === null) this.troubles.delete(code);
        else this.troubles.set(code, message);
      },
      outcome: (outcome) => this.outcomes.push(outcome),
      debug: (line) => this.debug.push(line),
      account: () => {
        this.#looks++;
        this.#heldAtLook = this.#held();
        return this.account;
      },
      nodeStatus: wanted.nodeStatus ?? true,
      events: wanted.events ?? true,
    });
    this.#ended = this.#reporter.run(this.#stop.signal);
  }

  static async start(stage: Stage, account: NodeAccount | null, wanted: Wanted = {}): Promise<ReporterRun> {
    const access = await openAccess({ kubeconfig: stage.kubeconfig, environment: {} });
    const surroundings = {
      now: () => performance.now(),
      sleep: async (milliseconds: number, signal: AbortSignal) => {
        await sleep(milliseconds, undefined, { signal }).catch(() => {});
      },
      random: () => 0.5,
    };
    return new ReporterRun(new ApiClient(access, surroundings), account, wanted);
  }

  /** Sets the account. */
  tell(account: NodeAccount | null): void {
    this.account = account;
    this.#looksBefore = this.#looks;
    this.#reporter.changed();
  }

  /** Waits until the account of the last `tell` was read, and what differed was written. */
  async settled(): Promise<void> {
    await until(
      () => this.#looks > this.#looksBefore && this.#held() > this.#heldAtLook,
      (isSettled) => isSettled,
    );
  }

  /** How often the writer ended with an object as the account wants it. */
  #held(): number {
    return this.outcomes.filter((outcome) => outcome === 'held').length;
  }

  /** Gives the source the Node with this uid. */
  nodeIs(uid: string | null): void {
    this.#reporter.nodeIs(uid);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

interface Wanted {
  readonly nodeStatus?: boolean;
  readonly events?: boolean;
  readonly uids?: Readonly<Record<string, string>>;
}

/** Requests of the kind since `from`, as `METHOD PATH` without query; of the simulator alone. */
export function writesSince(stage: Stage, from: number): string[] {
  const all = stage.cluster.simulator?.requests ?? [];
  return all
    .slice(from)
    .filter((line) => /^(POST|PATCH|PUT) .*(nodenats|events)/.test(line))
    .map((line) => line.replace(/\?.*/, ''));
}

export async function eventsOf(stage: Stage, name: string): Promise<ApiObject[]> {
  const all = await stage.client.list('/apis/events.k8s.io/v1/events');
  return all.filter(({ regarding }) => (regarding as { name?: string } | undefined)?.name === name);
}
