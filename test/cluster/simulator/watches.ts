import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPlan } from './faults.ts';
import type { ApiObject, JsonObject } from './objects.ts';
import { groupVersion, type ResourceType } from './resource-types.ts';
import { type Selector, selectorOf } from './selectors.ts';
import { type Cause, failureStatus, refusals } from './status.ts';
import type { Store, StoreEvent } from './store.ts';

/** Lines to a write, for long lists. */
const LINES_PER_WRITE = 200;

export interface WatchRequest {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

/** Answers to watches: `{"type":…,"object":…}` a line, in the order of versions. */
export class Watches {
  readonly #store: Store;
  readonly #faults: FaultPlan;
  /** Milliseconds between bookmarks; the real server's minute is too long for tests. */
  readonly #bookmarkMs: number;

  constructor(store: Store, faults: FaultPlan, bookmarkMs: number) {
    this.#store = store;
    this.#faults = faults;
    this.#bookmarkMs = bookmarkMs;
  }

  /** Resolves when the watch is over. Throws ApiRefusal before anything is sent. */
  async serve({ type, namespace, query, response }: WatchRequest): Promise<void> {
    const selects = selectorOf(query, namespace);
    const wanted = query.get('resourceVersion') ?? '';
    const isStreaming = query.get('sendInitialEvents') === 'true';
    checkStreaming(type, query, this.#faults.noStreamingLists);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    const from = wanted === '' || wanted === '0' ? this.#store.version : Number(wanted);
    if (!isStreaming && from < this.#store.oldest) {
      const message = `too old resource version: ${from} (${this.#store.oldest})`;
      response.end(line('ERROR', failureStatus(410, 'Expired', message)));
      return;
    }
    const channel = new Channel(type, response, this.#faults);
    const over = new AbortController();
    response.on('close', () => over.abort());
    const hasInitial = isStreaming || wanted === '' || wanted === '0';
    // From here to the subscription without a pause: nothing may be missed in between.
    const begun = this.#store.version;
    const initial = hasInitial ? this.#store.list(type).filter(selects) : [];
    let sent = hasInitial ? begun : from;
    const missed = hasInitial ? [] : this.#store.since(type, from);
    const stop = this.#store.subscribe(type, (event) => {
      // A watch from a future version reports only changes after it.
      if (event.version <= from) return;
      sent = event.version;
      const text = eventLine(event, selects);
      if (text !== null) channel.send(text);
    });
    try {
      channel.hold();
      for (let at = 0; at < initial.length; at += LINES_PER_WRITE) {
        const lines = initial.slice(at, at + LINES_PER_WRITE).map((object) => line('ADDED', object));
        await channel.write(lines.join(''));
      }
      if (isStreaming && query.get('allowWatchBookmarks') === 'true') {
        await channel.write(line('BOOKMARK', bookmark(type, begun, true)));
      }
      for (const event of missed) await channel.write(eventLine(event, selects) ?? '');
      await channel.release();
      await this.#bookmarks(type, query, channel, () => Math.max(sent, this.#reached(from)), over.signal);
    } finally {
      stop();
      response.end();
    }
  }

  /** The version that a bookmark may tell: 0 while the server has not reached where the watch began. */
  #reached(from: number): number {
    return this.#store.version >= from ? this.#store.version : 0;
  }

  async #bookmarks(
    type: ResourceType,
    query: URLSearchParams,
    channel: Channel,
    version: () => number,
    over: AbortSignal,
  ): Promise<void> {
    const seconds = Number(query.get('timeoutSeconds') ?? 0);
    const end = Date.now() + (seconds > 0 ? seconds : 1800) * 1000;
    const isWanted = query.get('allowWatchBookmarks') === 'true';
    while (!over.aborted && Date.now() < end) {
      const pause = Math.min(this.#bookmarkMs, end - Date.now());
      await sleep(pause, undefined, { signal: over }).catch(() => {});
      if (over.aborted || !isWanted) continue;
      if (version() <= this.#store.version) channel.send(line('BOOKMARK', bookmark(type, version(), false)));
    }
  }
}

/** One connection: keeps the order of lines, and lets faults strike. */
class Channel {
  readonly #plural: string;
  readonly #response: ServerResponse;
  readonly #faults: FaultPlan;
  #held: string[] | null = null;
  #tail: Promise<void> = Promise.resolve();

  constructor({ plural }: ResourceType, response: ServerResponse, faults: FaultPlan) {
    this.#plural = plural;
    this.#response = response;
    this.#faults = faults;
  }

  /** Lines of `send` wait until `release`. */
  hold(): void {
    this.#held = [];
  }

  async release(): Promise<void> {
    for (const text of this.#held ?? []) await this.write(text);
    this.#held = null;
  }

  send(text: string): void {
    if (this.#held !== null) this.#held.push(text);
    else void this.write(text);
  }

  /** Resolves when the connection took it. */
  write(text: string): Promise<void> {
    if (text === '') return this.#tail;
    for (const each of this.#faults.lines.get(this.#plural)?.(text) ?? [text]) {
      this.#tail = this.#tail.then(() => this.#writeNow(each));
    }
    return this.#tail;
  }

  async #writeNow(text: string): Promise<void> {
    const { late, stalled, cutNextEvent, tinyChunks } = this.#faults;
    const delay = late.get(this.#plural) ?? 0;
    if (delay > 0) await sleep(delay);
    while (stalled.has(this.#plural) && !this.#response.destroyed) await sleep(5);
    if (this.#response.destroyed) return;
    if (cutNextEvent.delete(this.#plural)) {
      this.#response.write(text.slice(0, text.length / 2));
      await sleep(10);
      this.#response.destroy();
      return;
    }
    if (tinyChunks) return await this.#writeInPieces(text);
    if (this.#response.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }

  async #writeInPieces(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 97) {
      this.#response.write(bytes.subarray(at, at + 97));
      await new Promise(setImmediate);
    }
  }
}

function checkStreaming(type: ResourceType, query: URLSearchParams, isUnknown: boolean): void {
  const sends = query.has('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const forbidden = (field: string, message: string): Cause => ({
    reason: 'FieldValueForbidden',
    field,
    message,
  });
  const causes: Cause[] = [];
  if (sends && isUnknown) {
    const message =
      'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
    causes.push(forbidden('sendInitialEvents', message));
  } else if (sends && match !== 'NotOlderThan') {
    const message = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    causes.push(forbidden('resourceVersionMatch', message));
  } else if (!sends && match !== '') {
    const message =
      'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    causes.push(forbidden('resourceVersionMatch', message));
  }
  if (causes.length > 0) throw refusals.invalid({ ...type, kind: 'ListOptions', group: '' }, '', causes);
}

/** The event of a watch with this selector for a change: an object that no longer matches counts as deleted. */
function eventLine({ before, after, version }: StoreEvent, selects: Selector): string | null {
  const was = before !== null && selects(before);
  const is = after !== null && selects(after);
  if (is) return line(was ? 'MODIFIED' : 'ADDED', after);
  if (!was) return null;
  return line('DELETED', { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
}

function bookmark(type: ResourceType, version: number, endsList: boolean): JsonObject {
  const annotations = endsList ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  return {
    kind: type.kind,
    apiVersion: groupVersion(type),
    metadata: { resourceVersion: String(version), ...annotations },
    ...type.zero,
  };
}

function line(type: string, object: ApiObject | JsonObject): string {
  return `${JSON.stringify({ type, object })}\n`;
}
