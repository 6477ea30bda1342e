import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Wake } from '../../base/wake.ts';
import { findingOf } from '../../model/finding.ts';
import type { Source, SourceSink } from '../source.ts';
import { SourceError } from '../source-error.ts';
import { requireFolder } from './errors.ts';
import { FolderReader, type Reading } from './folder-reader.ts';
import type { FolderWatch } from './folder-watch.ts';
import { type DirOptions, type ReadingOptions, withDefaults } from './options.ts';
import { reportsChanges } from './reported.ts';
import { rootIdentityOf, type ScannedFile, scanAgain } from './scan.ts';

export function dirSource(path: string, options: DirOptions = {}): Source {
  return new DirSource(path, options);
}

/**
 * A folder of manifests as a source. Guarantees:
 * 1. All objects that are in the folder at the start are applied before `synced`.
 * 2. After a change the folder is read once it was quiet for `settleMs`, all changed files in one `apply`. Under steady
 *    writes it is read after `patienceMs`, without files that do not hold still, and then again.
 * 3. A file that cannot be read removes nothing; it is reported until it can be read.
 * 4. A folder that vanishes keeps its last good state and is read again when it is back.
 * 5. A change without an event is found after `pollMs`; where the kernel reports every change, after `restMs`. Another folder
 *    at the path, which may come without an event (a folder above was renamed, a mount), is found after `rootCheckMs`.
 */
export class DirSource implements Source {
  readonly name: string;
  readonly #root: string;
  readonly #options: ReadingOptions;
  readonly #wake: Wake;
  /** The kernel refuses to watch the folder. */
  #isUnwatched = false;

  constructor(path: string, options: DirOptions = {}) {
    this.name = `dir:${path}`;
    this.#root = resolve(path);
    this.#options = withDefaults(options);
    this.#wake = new Wake(this.#options.clock);
  }

  /** Rejects with SourceError when the path is no folder at the start. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    await requireFolder(this.#root);
    const reader = new FolderReader(this.#root, this.#options);
    const first = await reader.readAsItIs();
    if (signal.aborted) return;
    // A folder that cannot be listed is not an empty folder: nothing may be removed because of it.
    if (first.rootIdentity === null) {
      throw new SourceError(
        'KNAT_FOLDER_UNREADABLE',
        `the manifest folder ${this.#root} vanished at the start`,
      );
    }
    deliver(first, sink);
    sink.synced();
    // A reader that wants this state alone stops here; the watch is loaded and begun by the others.
    await new Promise(setImmediate);
    if (signal.aborted) return;
    let watched: string | null = first.rootIdentity;
    let watch: FolderWatch | null = await this.#watch(sink);
    const { pollMs, restMs, rootCheckMs, clock } = this.#options;
    let isReported = first.isPlain && (await reportsChanges(this.#root));
    try {
      let readAt = clock.now();
      while (!signal.aborted) {
        const isAtRest = isReported && watch !== null && !this.#isUnwatched;
        const happened = await this.#wake.wait(rootCheckMs, signal);
        if (signal.aborted) return;
        const identity = await identityOf(this.#root);
        const since = clock.now() - readAt;
        // A clock that was set back says nothing about the time since.
        const isDue = since < 0 || since >= (isAtRest ? restMs : pollMs);
        if (!happened && identity === watched && !isDue) continue;
        readAt = clock.now();
        if (identity !== watched) {
          watched = identity;
          await watch?.close();
          watch = identity === null ? null : await this.#watch(sink);
        }
        const reading = await this.#readQuiet(reader, signal);
        if (reading === null) continue;
        deliver(reading, sink);
        if (reading.isPartial) this.#wake.notify();
        // The folder that was read may already be another one than the folder that is watched.
        isReported =
          reading.isPlain && reading.rootIdentity === watched && (await reportsChanges(this.#root));
      }
    } finally {
      await watch?.close();
    }
  }

  /** Null when the signal aborted. */
  async #readQuiet(reader: FolderReader, signal: AbortSignal): Promise<Reading | null> {
    const { clock, settleMs, patienceMs } = this.#options;
    const deadline = clock.now() + patienceMs;
    for (;;) {
      await clock.sleep(settleMs, signal);
      if (signal.aborted) return null;
      const look = await reader.look();
      if (clock.now() >= deadline) return await reader.readUnderWrites(look);
      const young = reader.young(look.changed);
      const reading = young.length === 0 ? await reader.readSettled(look) : null;
      if (reading !== null) return reading;
      await this.#settled(reader, young, deadline, signal);
    }
  }

  /** Looks again at the young files alone: a large folder takes a second to look at. */
  async #settled(
    reader: FolderReader,
    files: readonly ScannedFile[],
    deadline: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, settleMs } = this.#options;
    let young = files;
    while (young.length > 0 && clock.now() + settleMs < deadline && !signal.aborted) {
      await clock.sleep(settleMs, signal);
      const now = await Promise.all(young.map(scanAgain));
      young = reader.young(now.filter((file) => file !== null));
    }
  }

  async #watch(sink: SourceSink): Promise<FolderWatch> {
    const origin = `${this.#root} (watch)`;
    this.#isUnwatched = false;
    sink.report(origin, []);
    const { FolderWatch } = await import('./folder-watch.ts');
    return new FolderWatch(
      this.#root,
      () => this.#wake.notify(),
      (why) => {
        this.#isUnwatched = true;
        this.#wake.notify();
        const seconds = this.#options.pollMs / 1000;
        const message = `the folder cannot be watched and is read every ${seconds} s instead: ${why}`;
        sink.report(origin, [findingOf('KNAT_FOLDER_WATCH', null, message, { origin: this.#root })]);
      },
    );
  }
}

function deliver(reading: Reading, sink: SourceSink): void {
  if (reading.changes.length > 0) sink.apply(reading.changes);
  for (const [path, problems] of reading.problems) sink.report(path, problems);
}

/** Changes when another folder replaces this one; null while the folder is missing. */
async function identityOf(path: string): Promise<string | null> {
  const stats = await stat(path, { bigint: true }).catch(() => null);
  return stats === null || !stats.isDirectory() ? null : rootIdentityOf(stats);
}
