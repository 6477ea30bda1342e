import { textAt } from '../../base/json.ts';
import { Wake } from '../../base/wake.ts';
import { ApiError } from '../../kube-api/api-error.ts';
import { Backoff } from '../../kube-api/backoff.ts';
import type { ApiClient } from '../../kube-api/client.ts';
import { linesOf } from '../../kube-api/lines.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import { readWatchEvent, type WatchEvent } from '../../kube-api/watch-event.ts';
import { Lists } from './lists.ts';
import { type Activity, NO_RECOVERY, type Recovery, recoveryOf } from './recovery.ts';
import type { ResourceObjects } from './resource-objects.ts';
import { type Resource, resourceName } from './resources.ts';
import type { Timings } from './timings.ts';
import type { Trouble } from './troubles.ts';

export interface ReflectorListener {
  /** Called once, when all objects were delivered for the first time. */
  synced(): void;
  /** A problem of the whole resource; null when it is over. */
  trouble(trouble: Trouble | null): void;
  /** A list or a watch failed and is restarted. */
  interrupted(): void;
  debug(line: string): void;
}

export interface ReflectorParts {
  readonly resource: Resource;
  readonly client: ApiClient;
  readonly objects: ResourceObjects;
  readonly listener: ReflectorListener;
  readonly surroundings: Surroundings;
  readonly timings: Timings;
}

/** Objects of one resource: more are a server that never ends its answer, and would fill the memory. */
const MOST_OBJECTS = 500_000;

/** Milliseconds by which a watch may outlast the time that was asked for. */
const OVERTIME = 30_000;

/**
 * Keeps the objects of one resource equal to those of the server. Guarantees:
 * 1. No failure ends it: each is retried with growing, jittered waits, not sooner than the server asks for.
 * 2. No failure removes an object; only an event does, or a complete list without the object.
 * 3. A silent connection is closed and opened again, also one that sends something but no event.
 * 4. It resumes from a version only while the server still has the history after it. It lists again when the version is
 *    too old (410), when the server was away or was restored, when it sent what cannot be right, and from time to time,
 *    since an event may have been lost without a trace.
 * 5. A resource that the server does not have counts as in sync and empty. The reflector asks for it from time to time,
 *    and when its definition changes. The same applies to a `spared` resource that may not be read.
 * 6. It waits only a while for an optional resource that the server has but cannot list: a program behind a Service may
 *    serve it, and so need the NAT that waits for it. The trouble stays reported.
 */
export class Reflector {
  readonly #parts: ReflectorParts;
  readonly #lists: Lists;
  readonly #retry: Backoff;
  #absence: Backoff;
  /** Ends the wait for an absent resource. */
  readonly #absenceWake: Wake;
  /** The server reported that the definition was removed. */
  #isDefinitionGone = false;
  /** resourceVersion to continue from; null: list. */
  #version: string | null = null;
  /** When the last complete list ended. */
  #listedAt = 0;
  #avoid: Recovery['avoid'] = null;
  #compareVersions = false;
  #isServed: boolean;
  #isSynced = false;
  #failingSince: number | null = null;
  /** The current failure and its start. */
  #failing: Pick<Trouble, 'since'> & { readonly kind: Recovery['kind'] } = { kind: 'server', since: 0 };
  #absentSince: number | null = null;
  #activity: Activity = 'discovery';

  constructor(parts: ReflectorParts) {
    const { resource, client, surroundings, timings } = parts;
    this.#parts = parts;
    this.#lists = new Lists(resource, client, timings);
    this.#isServed = !resource.optional;
    const random = () => surroundings.random();
    this.#retry = new Backoff(timings.retryFirst, timings.retryLongest, random);
    this.#absence = new Backoff(timings.absentFirst, timings.absentLongest, random);
    this.#absenceWake = new Wake(surroundings);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { surroundings, listener, timings } = this.#parts;
    while (!signal.aborted) {
      const startedAt = surroundings.now();
      try {
        await this.#attempt(signal);
        // Do not restart without a pause if the server ends watches immediately.
        if (surroundings.now() - startedAt < timings.retryFirst) {
          await surroundings.sleep(this.#retry.next(), signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (surroundings.now() - startedAt > timings.retryLongest) this.#retry.reset();
        const failure =
          error instanceof ApiError ? error : new ApiError('unusable', String(error), { cause: error });
        const wait = this.#retry.next(failure.retryAfterMs ?? 0);
        listener.interrupted();
        this.#failed(failure);
        listener.debug(`${this.#lists.path}: ${this.#activity}: ${failure.message}; again in ${wait} ms`);
        await surroundings.sleep(wait, signal);
      }
    }
  }

  /** The definition exists: ask at once whether the resource is served, and then often for a while. */
  definitionChanged(): void {
    const { surroundings, timings } = this.#parts;
    this.#isDefinitionGone = false;
    if (this.#isServed) return;
    this.#absence = new Backoff(timings.retryFirst, timings.absentLongest, () => surroundings.random());
    this.#absenceWake.notify();
  }

  /** The definition and its objects were removed: no grace period is needed. */
  definitionRemoved(): void {
    this.#isDefinitionGone = true;
    this.#absenceWake.notify();
  }

  /** Returns when a watch ended regularly, or a wait for an absent resource is over. */
  async #attempt(signal: AbortSignal): Promise<void> {
    if (!this.#isServed) {
      this.#activity = 'discovery';
      if (!(await this.#lists.isServed(signal))) return this.#absent(signal);
      this.#isServed = true;
      this.#absence.reset();
    }
    if (this.#version !== null && this.#compareVersions) await this.#checkVersion(this.#version, signal);
    this.#compareVersions = false;
    // Optional resources may come from a program that treats streaming as a plain watch and never ends the list.
    const mayStream = this.#avoid === null && !this.#parts.resource.optional;
    if (this.#version === null && mayStream) return this.#stream(signal);
    if (this.#version === null) await this.#list(signal);
    await this.#watch(signal);
  }

  /** Lists by a watch that begins with all objects and continues. */
  async #stream(signal: AbortSignal): Promise<void> {
    this.#activity = 'stream';
    this.#parts.objects.beginList();
    await this.#follow({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, signal);
    if (this.#version === null) {
      throw new ApiError('unusable', 'the streaming list ended before it was complete');
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { objects } = this.#parts;
    this.#activity = 'list';
    objects.beginList();
    const version = await this.#lists.read(
      this.#avoid !== 'paging',
      (items) => {
        const before = objects.listed;
        for (const item of items) this.#set(item);
        objects.flush();
        return objects.listed - before;
      },
      signal,
    );
    this.#avoid = null;
    this.#complete(version);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    this.#activity = 'watch';
    await this.#follow({ resourceVersion: this.#version ?? '' }, signal);
  }

  async #follow(query: Readonly<Record<string, string | boolean>>, signal: AbortSignal): Promise<void> {
    const { client, objects, timings, surroundings } = this.#parts;
    const { watchSecondsLeast, watchSecondsMost } = timings;
    const life = watchSecondsLeast + surroundings.random() * (watchSecondsMost - watchSecondsLeast);
    const request = {
      path: this.#lists.path,
      query: {
        ...this.#lists.selectors,
        ...query,
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds: Math.ceil(life),
      },
    };
    const end = surroundings.now() + life * 1000 + OVERTIME;
    const idle = () => (this.#version === null ? timings.listIdle : timings.watchIdle);
    const json = (line: string) => objects.parse(line);
    let isHeard = false;
    let heardAt = surroundings.now();
    for await (const lines of linesOf(client.chunks(request, signal, idle))) {
      const now = surroundings.now();
      if (now > end) break;
      // Bytes that end no line keep a connection from being silent, but bring nothing.
      if (lines.length === 0 && now - heardAt > idle()) {
        throw new ApiError('silent', `${client.server} sent no event for ${Math.round(idle() / 1000)} s`);
      }
      if (this.#version !== null) this.#recovered();
      if (lines.length > 0) {
        isHeard = true;
        heardAt = now;
      }
      try {
        for (const line of lines) this.#event(readWatchEvent(line, json));
      } finally {
        objects.flush();
      }
    }
    // No event: perhaps the server has not reached our version.
    this.#compareVersions = !isHeard;
    if (surroundings.now() - this.#listedAt > timings.relistAfter) this.#version = null;
  }

  #event(event: WatchEvent): void {
    const { objects } = this.#parts;
    if (this.#version !== null && isOlder(event.version, this.#version)) {
      throw new ApiError('unusable', `the watch went back from version ${this.#version} to ${event.version}`);
    }
    switch (event.type) {
      case 'set':
        this.#set(event.object);
        break;
      case 'delete':
        if (!this.#isOurs(event.object) || !objects.delete(event.object)) throw this.#notOurs();
        break;
      case 'bookmark':
        if (event.endsList && this.#version === null) this.#complete(event.version);
        break;
      default:
        event satisfies never;
    }
    // A version from an unfinished streaming list cannot be resumed from.
    if (this.#version !== null && event.version !== '') this.#version = event.version;
    this.#retry.reset();
  }

  /** Throws ApiError for what is no object of this resource. */
  #set(object: unknown): void {
    const { objects } = this.#parts;
    if (!this.#isOurs(object) || !objects.set(object)) throw this.#notOurs();
    if (objects.listed > MOST_OBJECTS) {
      throw new ApiError('unusable', `${this.#lists.path} has more than ${MOST_OBJECTS} objects`);
    }
  }

  /** Items of a list may leave their kind out. */
  #isOurs(object: unknown): boolean {
    const kind = textAt(object, 'kind');
    return kind === '' || kind === this.#parts.resource.kind;
  }

  #notOurs(): ApiError {
    return new ApiError('unusable', `${this.#lists.path}: an object without a name or of another kind`);
  }

  /**
   * All existing objects have been delivered, as of this version; null: the resource does not exist. Throws ApiError
   * without a version: a watch could not begin where the list ended.
   */
  #complete(version: string | null): void {
    if (version === '') throw new ApiError('unusable', `the list of ${this.#lists.path} has no version`);
    this.#parts.objects.endList();
    this.#version = version;
    this.#listedAt = this.#parts.surroundings.now();
    this.#retry.reset();
    this.#absentSince = null;
    this.#activity = 'watch';
    this.#recovered();
    this.#inSync();
  }

  #inSync(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#parts.listener.synced();
  }

  #recovered(): void {
    this.#failingSince = null;
    this.#parts.listener.trouble(null);
  }

  /** Lists again when the server's version is older than ours: it was restored from a backup. */
  async #checkVersion(version: string, signal: AbortSignal): Promise<void> {
    const current = await this.#lists.currentVersion(signal);
    if (!isBehind(current, version)) return;
    this.#parts.listener.debug(`${this.#lists.path}: the server went back from ${version} to ${current}`);
    this.#version = null;
  }

  /** The server does not have the resource: its objects are removed after a while, and the reflector waits. */
  async #absent(signal: AbortSignal): Promise<void> {
    const { objects, resource, surroundings, timings, listener } = this.#parts;
    this.#version = null;
    this.#absentSince ??= surroundings.now();
    const isOver = this.#isDefinitionGone || surroundings.now() - this.#absentSince >= timings.absentGrace;
    if (objects.size === 0 || isOver) {
      const since = this.#absentSince;
      objects.beginList();
      this.#complete(null);
      this.#absentSince = since;
    } else {
      const name = `${resourceName(resource)} (${resource.version})`;
      const message = `${name} is no longer served: its ${objects.size} objects stay in force for ${Math.round(timings.absentGrace / 1000)} s`;
      const since = Number.NEGATIVE_INFINITY;
      const recovery = {
        ...NO_RECOVERY,
        kind: 'missing',
        code: 'KNAT_API_MISSING',
        message,
        reason: message,
      } as const;
      listener.trouble({ recovery, since, failingSince: since, isSynced: this.#isSynced });
    }
    await this.#absenceWake.wait(this.#absence.next(), signal);
  }

  #failed(error: ApiError): void {
    const { resource, surroundings, timings, listener } = this.#parts;
    const isSynced = this.#isSynced;
    const recovery = recoveryOf(error, this.#activity, resource);
    if (recovery.relist) this.#version = null;
    this.#compareVersions ||= recovery.compareVersions;
    this.#avoid = recovery.avoid ?? this.#avoid;
    if (error.status === 404 && resource.optional) this.#isServed = false;
    const now = surroundings.now();
    if (this.#failingSince === null || this.#failing.kind !== recovery.kind) {
      this.#failing = { kind: recovery.kind, since: now };
    }
    this.#failingSince ??= now;
    const { since } = this.#failing;
    const isOver = now - this.#failingSince >= timings.optionalPatience;
    const isGivenUp = resource.optional && isOver && isBehindServer(error);
    listener.trouble({ recovery, since, failingSince: this.#failingSince, isSynced, isGivenUp });
    if (recovery.isSpared || isGivenUp) this.#inSync();
  }
}

/** True if the API server is there, but the program that serves this resource does not work. */
function isBehindServer({ failure, status }: ApiError): boolean {
  return failure === 'silent' || status >= 500;
}

/** True also when the two cannot be compared. */
function isBehind(current: string, known: string): boolean {
  return current !== known && (!areNumbers(current, known) || isOlder(current, known));
}

/** False when the two cannot be compared: a program behind the server may have other versions. */
function isOlder(version: string, known: string): boolean {
  return areNumbers(version, known) && BigInt(version) < BigInt(known);
}

function areNumbers(...versions: readonly string[]): boolean {
  return versions.every((version) => /^\d{1,40}$/.test(version));
}
