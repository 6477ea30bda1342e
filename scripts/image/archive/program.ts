import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { withoutSymbols } from './elf.ts';
import { type NpmPackage, unpackNpm } from './npm.ts';
import { type Architecture, LOADED, NODE, NODE_ARCH } from './parts.ts';

const NODE_PROGRAM = 'usr/local/bin/node';
/** The names by which the program is started (src/cli/main.ts). */
const PROGRAMS = ['knat', 'podnat-controller'];
const HOME = 'opt/knat';

/** Puts Node.js for the architecture into the folder. */
export function installNode(architecture: Architecture, root: string, work: string): void {
  const { version, packages } = NODE;
  const unpacked = join(work, 'node');
  unpackNpm({ ...packages[architecture], version }, unpacked);
  put(root, NODE_PROGRAM, withoutSymbols(readFileSync(join(unpacked, 'bin/node'))), 0o755);
  put(root, 'usr/share/doc/nodejs/copyright', readFileSync(join(unpacked, 'LICENSE')));
}

/** Puts the built program, its page and the npm packages that it loads into the folder. */
export function installProgram(
  architecture: Architecture,
  packages: readonly NpmPackage[],
  { root, base, work }: { root: string; base: string; work: string },
): void {
  for (const file of ['LICENSE', 'package.json']) put(root, join(HOME, file), readFileSync(file));
  for (const file of ['program.pack', 'program.maps', 'start', 'ui']) {
    const target = join(root, HOME, 'dist', file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join('dist', file), target, { recursive: true });
  }
  for (const each of packages) {
    const wanted = LOADED[each.name];
    if (wanted === undefined) continue;
    const folder = join(work, 'package');
    unpackNpm(each, folder);
    for (const path of filesBelow(folder).filter((path) => wanted.test(path))) {
      put(root, join(HOME, 'node_modules', each.name, path), readFileSync(join(folder, path)));
    }
  }
  for (const name of PROGRAMS) put(root, `usr/local/bin/${name}`, launcher(name), 0o755);
  if (NODE_ARCH[architecture] === process.arch) compile(root, base, work);
  setModes(root);
}

/**
 * What bin/knat does, without a shell: env starts node with the flags. The main script has no package.json above it, so it is
 * a CommonJS module.
 */
export function launcher(name: string): string {
  const [, flags] = /^v8_flags='(.*)'$/m.exec(readFileSync('bin/knat', 'utf8')) ?? [];
  if (flags === undefined) throw new Error('bin/knat has no v8_flags');
  const words = `/${NODE_PROGRAM} --v8-pool-size=1 --title=${name} ${flags}`;
  return `#!/usr/bin/env -S ${words}\nrequire('/${HOME}/dist/start/start.cjs');\n`;
}

/** V8's compiled code of the program (scripts/build-bundle.js), made by the image's own Node.js and libraries. */
function compile(root: string, base: string, work: string): void {
  const folder = join(work, 'compile');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'dist'), { recursive: true });
  for (const path of ['bin', 'scripts/build-bundle.js', 'src/start', 'package.json']) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  cpSync('dist/program.pack', join(folder, 'dist/program.pack'));
  const [, flags = ''] = /^#!\S+ -S \S+ (.*)$/m.exec(launcher('knat')) ?? [];
  const libraries = join(base, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`);
  const loader = readdirSync(libraries).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error('the image has no dynamic loader');
  execFileSync(
    join(libraries, loader),
    [
      '--library-path',
      libraries,
      join(base, NODE_PROGRAM),
      ...flags.split(' '),
      '--predictable', // the same bytes each time; V8 takes the code without this flag, too
      join(folder, 'scripts/build-bundle.js'),
      'cache',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: {} },
  );
  renameSync(join(folder, 'dist/program.cache'), join(root, HOME, 'dist/program.cache'));
}

/** The modes of files in the checkout depend on the umask of who made it. */
function setModes(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    chmodSync(path, entry.isDirectory() || relative(root, path).startsWith('usr/local/bin/') ? 0o755 : 0o644);
  }
}

/** Writes one file and the folders above it. */
export function put(root: string, path: string, content: string | Buffer, mode = 0o644): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
