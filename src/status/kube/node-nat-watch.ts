import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { linesOf } from '../../kube-api/lines.ts';
import { readWatchEvent } from '../../kube-api/watch-event.ts';
import { NODE_NATS } from './node-nat-object.ts';
import { RETRY_FIRST, RETRY_LONGEST, type StatusParts } from './parts.ts';

/** Shortest life that a watch asks the server for, in seconds; the longest is twice that. */
const LIFE = 300;

/** Silence after which a watch is given up, in milliseconds. A server sends a bookmark about every minute. */
const SILENCE = 150_000;

export interface NodeNatListener {
  /** A watch begins; it does not report earlier changes. */
  opened(): void;
  /** The object was written, by any client; null: it was deleted. */
  changed(version: string | null): void;
}

/** Watches the NodeNAT of one node. No failure ends it; each is retried with growing waits. */
export class NodeNatWatch {
  readonly #parts: Pick<StatusParts, 'client' | 'node' | 'surroundings' | 'debug'>;
  readonly #listener: NodeNatListener;
  readonly #backoff: Backoff;
  #isForbidden = false;

  constructor(parts: StatusParts, listener: NodeNatListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#backoff = new Backoff(RETRY_FIRST, RETRY_LONGEST, () => parts.surroundings.random());
  }

  /** The agent may not watch, for example with the role of an older release. */
  get isForbidden(): boolean {
    return this.#isForbidden;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { surroundings, debug } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#isForbidden = error instanceof ApiError && error.status === 403;
        debug(`NodeNAT: watch: ${error instanceof Error ? error.message : String(error)}`);
      }
      // Also after a regular end: a server that ends watches at once must not be asked without pause.
      await surroundings.sleep(this.#backoff.next(), signal);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, node, surroundings } = this.#parts;
    const query = {
      watch: true,
      fieldSelector: `metadata.name=${node}`,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.ceil(LIFE * (1 + surroundings.random())),
    };
    let isOpen = false;
    for await (const lines of linesOf(client.chunks({ path: NODE_NATS, query }, signal, () => SILENCE))) {
      if (!isOpen) this.#listener.opened();
      isOpen = true;
      this.#isForbidden = false;
      for (const line of lines) {
        const event = readWatchEvent(line);
        this.#backoff.reset();
        if (event.type === 'set') this.#listener.changed(event.version);
        if (event.type === 'delete') this.#listener.changed(null);
      }
    }
  }
}
