import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Problem } from '../../model/problem.ts';
import type { SourceCode } from '../objects/codes.ts';
import type { Source, SourceSink } from '../source.ts';
import { Wake } from '../wake.ts';
import { defaultIpMasqAgentConfig, type IpMasqAgentReading, parseIpMasqAgentConfig } from './config.ts';

/** How long a folder that cannot be watched is left alone, in milliseconds. */
const UNWATCHED_MS = 1000;
/** Writers that are not done yet: a file is read this long after the last event, in milliseconds. */
const SETTLE_MS = 50;

/** A configuration file of ip-masq-agent, watched. */
export function ipMasqAgentSource(path: string): Source {
  return new IpMasqAgentSource(resolve(path));
}

/**
 * The file as a source of one fact. Guarantees:
 * 1. It is read once before `synced`; a file that is not there means the defaults.
 * 2. It is read again after each change in its folder (the swap of a ConfigMap's links is one), and every
 *    `resyncInterval`.
 * 3. A file that cannot be used is reported, and what it said before stays in force until it is mended.
 */
class IpMasqAgentSource implements Source {
  readonly name: string;
  readonly #path: string;
  readonly #wake = new Wake();
  #resyncMs = 0;
  /** What was told last, as text: the same is not told again. */
  #told = '';
  #hasConfig = false;

  constructor(path: string) {
    this.#path = path;
    this.name = `ip-masq-agent:${path}`;
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    await this.#read(sink);
    sink.synced();
    let watcher: FSWatcher | null = null;
    try {
      while (!signal.aborted) {
        watcher ??= this.#watch(() => {
          watcher?.close();
          watcher = null;
        });
        const pause = watcher === null ? Math.min(UNWATCHED_MS, this.#resyncMs) : this.#resyncMs;
        if (await this.#wake.wait(pause, signal)) {
          await new Promise((done) => setTimeout(done, SETTLE_MS));
        }
        if (!signal.aborted) await this.#read(sink);
      }
    } finally {
      watcher?.close();
    }
  }

  /** Watches the folder: links in it are replaced, not written to. Null while there is none. */
  #watch(lost: () => void): FSWatcher | null {
    try {
      const watcher = watch(dirname(this.#path), (event, name) => {
        // The folder itself went: another of its name is watched anew.
        if (event === 'rename' && name === null) lost();
        this.#wake.notify();
      });
      watcher.on('error', lost);
      this.#wake.notify();
      return watcher;
    } catch {
      return null;
    }
  }

  async #read(sink: SourceSink): Promise<void> {
    const { config, problems } = await readConfig(this.#path);
    this.#resyncMs = config?.resyncMs ?? defaultIpMasqAgentConfig(this.#path).resyncMs;
    const told = JSON.stringify([config?.fact ?? null, problems]);
    if (told === this.#told) return;
    this.#told = told;
    if (config !== null) {
      sink.apply([{ kind: 'IpMasqAgent', key: this.#path, fact: config.fact }]);
      this.#hasConfig = true;
    }
    sink.report(this.name, config === null ? [...problems, this.#lastGood()] : problems);
  }

  #lastGood(): Problem {
    const message = this.#hasConfig
      ? 'the last good configuration stays in force until the file is mended'
      : 'nothing is known of this file yet: it has no effect until it is mended';
    return problem('KNAT_LAST_GOOD', 'warning', this.#path, message);
  }
}

async function readConfig(path: string): Promise<IpMasqAgentReading> {
  try {
    return parseIpMasqAgentConfig(await readFile(path, 'utf8'), path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { config: defaultIpMasqAgentConfig(path), problems: [] };
    return { config: null, problems: [problem('KNAT_IP_MASQ_AGENT_CONFIG', 'error', path, message)] };
  }
}

function problem(code: SourceCode, severity: Problem['severity'], origin: string, message: string): Problem {
  return { code, severity, origin, object: null, field: '', message };
}
