import { Wake } from '../../base/wake.ts';
import type { NodeNatStatus } from '../../crds/node-nat.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { deepEqual } from '../../model/equal.ts';
import type { NodeAccount } from './account.ts';
import { isAbsent, NodeAbsent, NodeNatObject, type NodeNatRead } from './node-nat-object.ts';
import { NodeNatWatch } from './node-nat-watch.ts';
import { RETRY_FIRST, RETRY_LONGEST, type StatusParts } from './parts.ts';
import type { Rows } from './rows.ts';
import { statusOf } from './status.ts';

/** Milliseconds between comparisons of the object with what was written; times 1 to 1.25. */
const LOOK_AGAIN = 10 * 60_000;

/** As LOOK_AGAIN, if the object may not be watched. */
const LOOK_UNHEARD = 60_000;

/** Milliseconds before an object that another client changes repeatedly is corrected again; grows. */
const MEND_AGAIN = 5_000;

interface Wanted {
  readonly account: NodeAccount;
  readonly rows: Rows;
}

/**
 * Keeps the node's NodeNAT equal to the last account. Guarantees:
 * 1. An unchanged account writes nothing.
 * 2. No failure ends it; each is retried with growing, jittered waits and the newest account.
 * 3. An object that another client deleted or edited is restored immediately; with growing waits if that continues.
 * 4. The object is created only while its Node exists. When the Node was registered again, the object is created again
 *    or gets the new owner immediately: garbage collection deletes what the old Node owned.
 */
export class NodeNatWriter {
  readonly #parts: StatusParts;
  readonly #object: NodeNatObject;
  readonly #wake: Wake;
  readonly #backoff: Backoff;
  #wanted: Wanted | null = null;
  /** As last read or written; null: it must be created. */
  #known: NodeNatRead | null = null;
  readonly #watch: NodeNatWatch;
  /** The watch's last version, null: deleted; undefined: nothing since the last reading. */
  #heard: string | null | undefined;
  /** The object may differ from the known one. */
  #isSuspect = false;
  /** From the source; null: there is no Node. */
  #nodeUid: string | null = null;
  /** Ends waits for the Node. */
  readonly #nodeWake: Wake;
  readonly #mending: Backoff;
  #mendedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: StatusParts) {
    const { client, node, surroundings } = parts;
    this.#parts = parts;
    this.#object = new NodeNatObject(client, node);
    this.#wake = new Wake(surroundings);
    this.#backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => surroundings.random());
    this.#mending = new Backoff(MEND_AGAIN, RETRY_LONGEST, () => surroundings.random());
    this.#nodeWake = new Wake(surroundings);
    this.#watch = new NodeNatWatch(parts, {
      opened: () => this.#suspect(),
      changed: (version) => {
        this.#heard = version;
        this.#wake.notify();
      },
    });
  }

  /** The status before the first write; null: none, or it may not be read. Waits for an unresponsive server. */
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

  want(account: NodeAccount, rows: Rows): void {
    this.#wanted = { account, rows };
    this.#wake.notify();
  }

  /** @param uid null: there is no Node */
  nodeIs(uid: string | null): void {
    this.#nodeUid = uid;
    if (uid === null || uid === this.#known?.ownerUid) return;
    this.#nodeWake.notify();
    this.#suspect();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watch.run(signal), this.#keep(signal)]);
  }

  #suspect(): void {
    this.#isSuspect = true;
    this.#wake.notify();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { surroundings, trouble } = this.#parts;
    while (!signal.aborted) {
      const pause = this.#watch.isForbidden ? LOOK_UNHEARD : LOOK_AGAIN;
      const isTime = !(await this.#wake.wait(pause * (1 + surroundings.random() / 4), signal));
      const isLook = isTime || this.#isSuspect || this.#isElse();
      if (isLook) await this.#rest(signal);
      let isDone = false;
      while (!isDone && !signal.aborted) {
        try {
          if (isLook) await this.#look(signal);
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

  /** The watch reported an unknown version: another client wrote the object. */
  #isElse(): boolean {
    return this.#heard !== undefined && this.#heard !== (this.#known?.version ?? null);
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#isSuspect = false;
    const before = this.#known;
    this.#known = await this.#object.read(signal);
    this.#heard = undefined;
    if (before !== null && !deepEqual(before.status, this.#known?.status ?? null)) {
      this.#mendedAt = this.#parts.surroundings.now();
    }
  }

  /** Waits longer each time while another client keeps undoing corrections. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { surroundings } = this.#parts;
    if (surroundings.now() - this.#mendedAt >= LOOK_AGAIN) this.#mending.reset();
    else await this.#nodeWake.wait(this.#mending.next(), signal);
  }

  async #write(signal: AbortSignal): Promise<void> {
    if (this.#wanted === null) return;
    const { account, rows } = this.#wanted;
    this.#known ??= await this.#object.create(signal);
    const { status: before, generation } = this.#known;
    const at = this.#parts.surroundings.wallClock().toISOString();
    const status = statusOf(account, rows, before, generation, at.replace(/\.\d+Z$/, 'Z'));
    if (!deepEqual(status, before)) {
      const applied = await this.#apply(status, signal);
      this.#parts.outcome('written');
      this.#known = { ...applied, status };
    }
    if (this.#nodeUid !== null && this.#nodeUid !== this.#known.ownerUid) {
      const { status: same } = this.#known;
      this.#known = { ...(await this.#object.adopt(this.#known, signal)), status: same };
    }
    this.#parts.outcome('held');
  }

  /** Creates the object if it was deleted. */
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
    const wait = this.#backoff.next(failure?.retryAfterMs ?? 0);
    if (error instanceof NodeAbsent) await this.#nodeWake.wait(wait, signal);
    else await surroundings.sleep(wait, signal);
  }
}

function explained(error: unknown, message: string): string {
  if (error instanceof NodeAbsent || !(error instanceof ApiError)) return message;
  switch (error.status) {
    case 403:
      return `${message}; a ClusterRole must allow get, list, watch, create and patch on "nodenats" and patch on "nodenats/status" of API group "knat.dev", and get on "nodes"`;
    case 404:
      return 'the cluster does not know the kind: install the CustomResourceDefinitions of knat';
    default:
      return message;
  }
}
