import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { labNameOf } from '../lab/namespace-name.ts';
import { isAlive } from '../lab/owner.ts';

/** The manifests as they are checked in. */
const EXAMPLES = fileURLToPath(new URL('../../examples/demo/', import.meta.url));

const SUFFIX = '-files';

/** One replacement in a manifest, wherever the text occurs. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A folder of this demo alone, below the system's folder for temporary files: manifests, and the agents' logs. */
export class DemoFolder {
  readonly #path: string;
  /** The folder that the agents watch. */
  readonly manifests: string;

  /** Makes the folder and copies the manifests into it. `labName` makes it this demo's, also after a crash. */
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

  /** What leads to the page of an agent. */
  get socketFile(): string {
    return join(this.#path, 'page');
  }

  /** Changes a manifest as an editor does: writes the new text beside it, then puts it in its place. */
  edit({ file, from, to }: Edit): void {
    const path = join(this.manifests, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${path} does not say: ${from}`);
    const beside = join(this.manifests, `.${file}.new`);
    writeFileSync(beside, text.replaceAll(from, to));
    renameSync(beside, path);
  }

  /** May be called again. */
  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  /** Removes the folders of demos whose process is gone. */
  static removeStale(): void {
    for (const name of readdirSync(tmpdir()).filter((each) => each.endsWith(SUFFIX))) {
      const lab = labNameOf(name);
      if (lab?.prefix === 'knat-demo' && !isAlive(lab.owner)) {
        rmSync(join(tmpdir(), name), { recursive: true, force: true });
      }
    }
  }
}
