/**
 * Puts the program and the packages that it uses into dist/program.pack, their source maps into dist/program.maps, and V8's
 * compiled code into dist/program.cache, made by a Node.js with the flags of bin/knat. src/start reads them.
 *
 * `build-bundle.js`, or `build-bundle.js cache` for the last step.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

const REPOSITORY = fileURLToPath(new URL('../', import.meta.url));
const SOURCES = join(REPOSITORY, 'src');
const DIST = join(REPOSITORY, 'dist');
const PACK = join(DIST, 'program.pack');
const CACHE = join(DIST, 'program.cache');
const MAPS = join(DIST, 'program.maps');

const load = createRequire(import.meta.url);
const { Pack } = load('../src/start/pack.cjs');
const { scriptName } = load('../src/start/stack.cjs');

if (process.argv[2] === 'cache') compile();
else await bundle();

async function bundle() {
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    input: { main: join(SOURCES, 'cli/main.ts') },
    platform: 'node',
    external: ['koffi'],
    logLevel: 'warn',
    plugins: [{ name: 'places', transform: { filter: { code: 'import.meta.url' }, handler: placed } }],
  });
  const { output } = await build.generate({
    format: 'cjs',
    sourcemap: 'hidden',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  /** @type {[string, Buffer][]} */
  const scripts = [];
  /** @type {[string, Buffer][]} */
  const maps = [];
  const hash = createHash('sha256');
  for (const file of output) {
    if (file.type !== 'chunk') continue;
    const text = Buffer.from(wrapped(file.code), 'latin1');
    scripts.push([file.fileName, text]);
    hash.update(file.fileName).update(text);
    maps.push([file.fileName, Buffer.from(JSON.stringify({ ...file.map, sourcesContent: undefined }))]);
  }
  const about = hash.digest('base64url');
  rmSync(CACHE, { force: true });
  write(MAPS, about, maps);
  write(PACK, about, scripts);
  const { status } = spawnSync(process.execPath, [...v8Flags(), fileURLToPath(import.meta.url), 'cache'], {
    stdio: 'inherit',
  });
  // Without the compiled code the program works too.
  if (status !== 0) process.exitCode = 1;
}

/**
 * The modules keep the addresses that they have in dist/.
 *
 * @param {string} code
 * @param {string} id
 */
function placed(code, id) {
  if (!id.startsWith(SOURCES)) return null;
  const place = relative(SOURCES, id).replace(/\.ts$/, '.js');
  return { code: code.replaceAll('import.meta.url', `knatFileUrl(${JSON.stringify(place)})`), map: null };
}

/**
 * The function that src/start calls. Only ASCII, so that V8 keeps a byte for each character: without comments, what is not
 * ASCII stands in strings, templates and regular expressions, where an escape means the same.
 *
 * @param {string} code
 */
function wrapped(code) {
  const ascii = code.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `(function (exports, require, module, __filename, __dirname, knatFileUrl) {\n${ascii}\n})`;
}

function compile() {
  const scripts = Pack.open(PACK);
  if (scripts === null) throw new Error(`${PACK} is missing or damaged`);
  /** @type {[string, Buffer][]} */
  const compiled = scripts.names().map((/** @type {string} */ name) => {
    const text = scripts.read(name);
    if (text === null) throw new Error(`${PACK} is damaged`);
    const source = text.toString('latin1');
    setFlagsFromString('--no-lazy');
    const script = new Script(source, { filename: scriptName(name), lineOffset: -1 });
    setFlagsFromString('--lazy'); // V8 compares the flags when it reads the code
    return [name, script.createCachedData()];
  });
  write(CACHE, `${scripts.about} ${process.version} ${process.arch}`, compiled);
}

/** The flags in bin/knat: V8 takes no code that was compiled with others. */
function v8Flags() {
  const [, flags = ''] = /^v8_flags='(.*)'$/m.exec(readFileSync(join(REPOSITORY, 'bin/knat'), 'utf8')) ?? [];
  if (flags === '') throw new Error('bin/knat has no v8_flags');
  return flags.split(' ');
}

/**
 * @param {string} path
 * @param {string} about
 * @param {readonly [string, Buffer][]} contents
 */
function write(path, about, contents) {
  /** @type {Record<string, [number, number, number]>} */
  const parts = {};
  let length = 0;
  for (const [name, bytes] of contents) {
    parts[name] = [length, bytes.length, crc32(bytes)];
    length += bytes.length;
  }
  const line = Buffer.from(`${JSON.stringify({ about, length, parts })}\n`);
  writeFileSync(`${path}.new`, Buffer.concat([line, ...contents.map(([, bytes]) => bytes)]));
  renameSync(`${path}.new`, path);
}
