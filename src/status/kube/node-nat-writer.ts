import type { NodeNatStatus } from '../../crds/node-nat.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { deepEqual } from '../../plan/equal.ts';
import { Wake } from '../wake.ts';
import type { NodeAccount } from './account.ts';
import { isAbsent, NodeAbsent, NodeNatObject, type NodeNatRead } from './node-nat-object.ts';
import { RETRY_FIRST, RETRY_LONGEST, type StatusParts } from './parts.ts';
import type { Rows } from './rows.ts';
import { statusOf } from './status.ts';

/** How often it is looked whether the object is still as it was written, in milliseconds; times 1 to 1.25. */
const LOOK_AGAIN = 10 * 60_000;

interface Wanted {
  readonly account: NodeAccount;
  readonly rows: Rows;
}

/**
 * Keeps the NodeNAT of the node as the last account has it. Guarantees:
 * 1. An account that says the same writes nothing.
 * 2. No failure ends it; each is tried again with growing, jittered waits, with the newest account.
 * 3. An object that somebody removed or edited is written again, at the next change or within minutes.
 * 4. The object is made only while there is a Node that owns it.
 */
export class NodeNatWriter {
  readonly #parts: StatusParts;
  readonly #object: NodeNatObject;
  readonly #wake: Wake;
  readonly #backoff: Backoff;
  #wanted: Wanted | null = null;
  /** The object as we know it to be; null: to be made. */
  #known: NodeNatRead | null = null;

  constructor(parts: StatusParts) {
    const { client, node, surroundings } = parts;
    this.#parts = parts;
    this.#object = new NodeNatObject(client, node);
    this.#wake = new Wake(surroundings);
    this.#backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => surroundings.random());
  }

  /**
   * The status that stands there before anything is written; null when there is none, or when it may not be read.
   * Waits for a server that does not answer.
   */
  async before(signal: AbortSignal): Promise<NodeNatStatus | null> {
    while (!signal.aborted) {
      try {
        this.#known = await this.#object.read(signal);
        this.#parts.trouble('KNAT_NODE_STATUS_UNWRITTEN', null);
        return this.#known?.status ?? null;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof ApiError && error.status === 403) return null;
        await this.#failed(error, signal);
      }
    }
    return null;
  }

  /** The account to write, in the place of the one before. */
  want(account: NodeAccount, rows: Rows): void {
    this.#wanted = { account, rows };
    this.#wake.notify();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { surroundings, trouble } = this.#parts;
    while (!signal.aborted) {
      const pause = LOOK_AGAIN * (1 + surroundings.random() / 4);
      const isLook = !(await this.#wake.wait(pause, signal));
      let isDone = false;
      while (!isDone && !signal.aborted) {
        try {
          if (isLook) this.#known = await this.#object.read(signal);
          await this.#write(signal);
          isDone = true;
          this.#backoff.reset();
          trouble('KNAT_NODE_STATUS_UNWRITTEN', null);
        } catch (error) {
          if (signal.aborted) return;
          await this.#failed(error, signal);
        }
      }
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    if (this.#wanted === null) return;
    const { account, rows } = this.#wanted;
    this.#known ??= await this.#object.create(signal);
    const { status: before, generation } = this.#known;
    const at = this.#parts.surroundings.wallClock().toISOString();
    const status = statusOf(account, rows, before, generation, at.replace(/\.\d+Z$/, 'Z'));
    if (!deepEqual(status, before)) {
      const { generation: applied } = await this.#apply(status, signal);
      this.#parts.outcome('written');
      this.#known = { generation: applied, status };
    }
    this.#parts.outcome('held');
  }

  /** Makes the object first where somebody removed it. */
  async #apply(status: NodeNatStatus, signal: AbortSignal): Promise<NodeNatRead> {
    try {
      return await this.#object.apply(status, signal);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      this.#known = null;
      this.#known = await this.#object.create(signal);
      return await this.#object.apply(status, signal);
    }
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { surroundings, trouble, outcome, debug } = this.#parts;
    outcome('failed');
    const failure = error instanceof ApiError ? error : null;
    const message = error instanceof Error ? error.message : String(error);
    debug(`NodeNAT: ${message}`);
    trouble(
      'KNAT_NODE_STATUS_UNWRITTEN',
      `the NodeNAT object cannot be written: ${explained(error, message)}`,
    );
    await surroundings.sleep(this.#backoff.next(failure?.retryAfterMs ?? 0), signal);
  }
}

function explained(error: unknown, message: string): string {
  if (error instanceof NodeAbsent || !(error instanceof ApiError)) return message;
  switch (error.status) {
    case 403:
      return `${message}; a ClusterRole must allow get and create on "nodenats" and patch on "nodenats/status" of API group "knat.dev", and get on "nodes"`;
    case 404:
      return 'the cluster does not know the kind: install the CustomResourceDefinitions of knat';
    default:
      return message;
  }
}
