import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Instruction, parseCopy, parseDockerfile, type Stage } from './dockerfile.ts';
import { copyTree, debianSlim, runInside } from './root-file-system.ts';

export interface Image {
  /** The root file system. */
  readonly folder: string;
  /** ENTRYPOINT of the last stage. */
  readonly entrypoint: readonly string[];
}

/** Follows the Dockerfile of the checkout, stage by stage, in folders below `.tmp/image`. Needs root. */
export function buildImage(): Image {
  const work = resolve('.tmp/image');
  mkdirSync(work, { recursive: true });
  const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));
  const folders = new Map<string, string>();
  let image: Image | null = null;
  for (const [index, stage] of stages.entries()) {
    const folder = join(work, stage.name ?? `stage-${index}`);
    copyTree(baseFolder(stage, folders, work), folder);
    rmSync(join(folder, 'knat-complete'), { force: true });
    follow(stage, folder, folders);
    if (stage.name !== null) folders.set(stage.name, folder);
    const entry = stage.instructions.findLast(({ keyword }) => keyword === 'ENTRYPOINT');
    image = { folder, entrypoint: entry === undefined ? [] : (JSON.parse(entry.text) as string[]) };
  }
  if (image === null) throw new Error('the Dockerfile has no stage');
  return image;
}

function baseFolder({ base }: Stage, folders: ReadonlyMap<string, string>, work: string): string {
  const stage = folders.get(base);
  if (stage !== undefined) return stage;
  const release = /^debian:(\w+)-slim$/.exec(base)?.[1];
  if (release === undefined) throw new Error(`FROM ${base}: only debian:RELEASE-slim can be made here`);
  const folder = join(work, `debian-${release}`);
  debianSlim(release, folder);
  return folder;
}

function follow(stage: Stage, folder: string, folders: ReadonlyMap<string, string>): void {
  let workdir = '/';
  for (const instruction of stage.instructions) {
    const { keyword, text } = instruction;
    if (keyword === 'WORKDIR') {
      workdir = text;
      mkdirSync(join(folder, workdir), { recursive: true });
    } else if (keyword === 'RUN') {
      console.log(`RUN ${text}`);
      runInside(folder, workdir, text);
    } else if (keyword === 'COPY') copy(instruction, folder, workdir, folders);
  }
}

function copy(
  { text, line }: Instruction,
  folder: string,
  workdir: string,
  folders: ReadonlyMap<string, string>,
): void {
  console.log(`COPY ${text}`);
  const { from, sources, destination } = parseCopy(text);
  const stage = from === null ? null : folders.get(from);
  if (stage === undefined) throw new Error(`Dockerfile:${line}: there is no stage ${from}`);
  for (const source of sources) {
    const path = stage === null ? contextPath(source) : join(stage, source);
    const into = join(folder, destination.startsWith('/') ? '' : workdir, destination);
    const target = destination.endsWith('/') ? join(into, basename(source)) : into;
    cpSync(path, target, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (each) => !each.endsWith('.test.ts'),
    });
  }
}

/** A file of the checkout; throws when .dockerignore keeps it from the builder. */
function contextPath(source: string): string {
  const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
  if (!allowed.includes(`!${source}`)) throw new Error(`.dockerignore keeps ${source} out of the build`);
  if (!existsSync(source)) throw new Error(`there is no ${source}`);
  return source;
}
