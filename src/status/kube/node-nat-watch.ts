import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import { linesOf } from '../../kube-api/lines.ts';
import { readWatchEvent } from '../../kube-api/watch-event.ts';
import { NODE_NATS } from './node-nat-object.ts';
import { RETRY_FIRST, RETRY_LONGEST, type StatusParts } from './parts.ts';

/** Minimum duration of a watch, in seconds; the maximum is twice that. */
const LIFE = 300;

/** Milliseconds of silence before a watch is aborted. A server sends a bookmark about every minute. */
const SILENCE = 150_000;

export interface NodeNatListener {
  /** A watch begins; it does not report earlier changes. */
  opened(): void;
  /** Any client wrote the object; null: it was deleted. */
  changed(version: string | null): void;
}

/** No failure ends it; each is retried with growing waits. */
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

  /** The agent may not watch, for example with an older release's role. */
  get isForbidden(): boolean {
    return this.#isForbidden;
  }

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
      // Waits also after a regular end: a server may end every watch immediately.
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
