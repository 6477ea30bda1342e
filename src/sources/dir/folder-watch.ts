import { type FSWatcher, watch } from 'chokidar';
import { isHiddenName } from './scan.ts';

/**
 * Tells that something below a folder may have changed, never what: the reader looks for itself. Only folders are
 * watched (the kernel tells of the files in them), so the number of watches does not grow with the manifests.
 */
export class FolderWatch {
  readonly #watcher: FSWatcher;
  #closed = false;

  /** `onProblem` takes the message of a refusal, such as too many watches; the watch may then miss changes. */
  constructor(root: string, onChange: () => void, onProblem: (message: string) => void) {
    this.#watcher = watch(root, {
      ignoreInitial: true,
      ignorePermissionErrors: true,
      depth: 32,
      ignored: (path, stats) => path !== root && (stats?.isFile() === true || isHiddenBelow(root, path)),
    });
    // `raw` too: the swap of a hidden link (`..data`) changes files without an event of their own.
    this.#watcher.on('raw', () => this.#tell(onChange));
    this.#watcher.on('all', () => this.#tell(onChange));
    this.#watcher.on('ready', () => this.#tell(onChange));
    this.#watcher.on('error', (error) => {
      if (!this.#closed) onProblem(error instanceof Error ? error.message : String(error));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher.close();
  }

  #tell(onChange: () => void): void {
    if (!this.#closed) onChange();
  }
}

function isHiddenBelow(root: string, path: string): boolean {
  return path.slice(root.length).split('/').some(isHiddenName);
}
