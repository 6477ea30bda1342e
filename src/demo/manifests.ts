import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { labNameOf } from '../lab/namespace-name.ts';
import { isAlive } from '../lab/owner.ts';

/** The manifests as they are checked in. */
const EXAMPLES = fileURLToPath(new URL('../../examples/demo/', import.meta.url));

const SUFFIX = '-files';

/** One replacement in a manifest, at every occurrence. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** This demo's temporary folder, with the manifests and the agents' logs. */
export class DemoFolder {
  readonly #path: string;
  /** The folder that the agents watch. */
  readonly manifests: string;

  /** Creates the folder and copies the manifests. `labName` identifies its demo, also after a crash. */
  constructor(labName: string) {
    this.#path = join(tmpdir(), labName + SUFFIX);
    this.manifests = join(this.#path, 'manifests');
    mkdirSync(this.#path, { mode: 0o700 });
    mkdirSync(this.manifests);
    for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith('.yaml'))) {
      writeFileSync(join(this.manifests, name), readFileSync(join(EXAMPLES, name)));
    }
  }

  logFile(node: string): string {
    return join(this.#path, `${node}.log`);
  }

  /** The socket file that leads to an agent's page. */
  get socketFile(): string {
    return join(this.#path, 'page');
  }

  /** Replaces a manifest atomically, as an editor does. */
  edit({ file, from, to }: Edit): void {
    const path = join(this.manifests, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${path} does not say: ${from}`);
    const beside = join(this.manifests, `.${file}.new`);
    writeFileSync(beside, text.replaceAll(from, to));
    renameSync(beside, path);
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  /** Removes the folders of demos whose process has ended. */
  static removeStale(): void {
    for (const name of readdirSync(tmpdir()).filter((each) => each.endsWith(SUFFIX))) {
      const lab = labNameOf(name);
      if (lab?.prefix === 'knat-demo' && !isAlive(lab.owner)) {
        rmSync(join(tmpdir(), name), { recursive: true, force: true });
      }
    }
  }
}
