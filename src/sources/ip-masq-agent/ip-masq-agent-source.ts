import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Wake } from '../../base/wake.ts';
import { type Finding, findingOf } from '../../model/finding.ts';
import type { Source, SourceSink } from '../source.ts';
import { defaultIpMasqAgentConfig, type IpMasqAgentReading, parseIpMasqAgentConfig } from './config.ts';

/** Wait after a folder could not be watched, and interval of the check whether another folder replaced it. */
const UNWATCHED_MS = 1000;
const FOLDER_CHECK_MS = 5000;
/** The file is read this many milliseconds after the last event, so that writers can finish. */
const SETTLE_MS = 50;

export function ipMasqAgentSource(path: string): Source {
  return new IpMasqAgentSource(resolve(path));
}

/**
 * The file as a source of one fact. Guarantees:
 * 1. It is read once before `synced`; a missing file means the defaults.
 * 2. It is read again after each change in its folder (including a swap of a ConfigMap's links), and every
 *    `resyncInterval`.
 * 3. A file that cannot be used is reported, and its last good content stays in force until it is corrected.
 */
class IpMasqAgentSource implements Source {
  readonly name: string;
  readonly #path: string;
  readonly #wake = new Wake();
  #resyncMs = 0;
  /** The last reported reading, as JSON: an equal one is not reported again. */
  #reported = '';
  #hasConfig = false;
  #watcher: FSWatcher | null = null;
  /** Device and inode of the watched folder; empty for none. */
  #watched = '';

  constructor(path: string) {
    this.#path = path;
    this.name = `ip-masq-agent:${path}`;
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    await this.#read(sink);
    sink.synced();
    try {
      while (!signal.aborted) {
        if (await this.#watchFolder()) await this.#read(sink); // what happened before the watch began
        const pause = this.#watcher === null ? UNWATCHED_MS : Math.min(this.#resyncMs, FOLDER_CHECK_MS);
        if (await this.#wake.wait(pause, signal)) {
          await new Promise((done) => setTimeout(done, SETTLE_MS));
        }
        if (!signal.aborted) await this.#read(sink);
      }
    } finally {
      this.#watcher?.close();
    }
  }

  /** Watches the folder, since links in it are replaced and not written to. True when a new watch was started. */
  async #watchFolder(): Promise<boolean> {
    const folder = dirname(this.#path);
    const stats = await stat(folder, { bigint: true }).catch(() => null);
    const identity = stats === null ? '' : `${stats.dev}:${stats.ino}`;
    if (identity === this.#watched) return false;
    this.#watcher?.close();
    this.#watcher = null;
    this.#watched = '';
    if (identity === '') return false;
    try {
      this.#watcher = watch(folder, () => this.#wake.notify());
      this.#watcher.on('error', () => this.#wake.notify());
      this.#watched = identity;
      return true;
    } catch {
      return false;
    }
  }

  async #read(sink: SourceSink): Promise<void> {
    const { config, problems } = await readConfig(this.#path);
    this.#resyncMs = config?.resyncMs ?? defaultIpMasqAgentConfig(this.#path).resyncMs;
    const reading = JSON.stringify([config?.fact ?? null, problems]);
    if (reading === this.#reported) return;
    this.#reported = reading;
    if (config !== null) {
      sink.apply([{ kind: 'IpMasqAgent', key: this.#path, fact: config.fact }]);
      this.#hasConfig = true;
    }
    sink.report(this.name, config === null ? [...problems, this.#lastGood()] : problems);
  }

  #lastGood(): Finding {
    const message = this.#hasConfig
      ? 'the last good configuration stays in force until the file is corrected'
      : 'this file was never valid: it has no effect until it is corrected';
    return findingOf('KNAT_LAST_GOOD', null, message, { origin: this.#path });
  }
}

async function readConfig(path: string): Promise<IpMasqAgentReading> {
  try {
    return parseIpMasqAgentConfig(await readFile(path, 'utf8'), path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { config: defaultIpMasqAgentConfig(path), problems: [] };
    const more = { severity: 'error', origin: path } as const;
    return { config: null, problems: [findingOf('KNAT_IP_MASQ_AGENT_CONFIG', null, message, more)] };
  }
}
