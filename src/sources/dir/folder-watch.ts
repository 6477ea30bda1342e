import { type FSWatcher, watch } from 'chokidar';
import { isHiddenName } from './scan.ts';

/**
 * Reports that something below a folder may have changed; the reader then reads the folder. Only folders are watched
 * (the kernel reports changes of their files), so the number of watches does not grow with the manifests.
 */
export class FolderWatch {
  readonly #watcher: FSWatcher;
  #closed = false;

  /** @param onProblem takes the message if the kernel refuses a watch; changes may then be missed */
  constructor(root: string, onChange: () => void, onProblem: (message: string) => void) {
    this.#watcher = watch(root, {
      ignoreInitial: true,
      ignorePermissionErrors: true,
      depth: 32,
      ignored: (path, stats) => path !== root && (stats?.isFile() === true || isHiddenBelow(root, path)),
    });
    // `raw` too: the swap of a hidden link (`..data`) changes files without an event of their own.
    this.#watcher.on('raw', () => this.#report(onChange));
    this.#watcher.on('all', () => this.#report(onChange));
    this.#watcher.on('ready', () => this.#report(onChange));
    this.#watcher.on('error', (error) => {
      if (!this.#closed) onProblem(error instanceof Error ? error.message : String(error));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher.close();
  }

  #report(onChange: () => void): void {
    if (!this.#closed) onChange();
  }
}

function isHiddenBelow(root: string, path: string): boolean {
  return path.slice(root.length).split('/').some(isHiddenName);
}
