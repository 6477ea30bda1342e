'use strict';
/**
 * Starts the program from dist/program.pack, where all its modules stand in a few scripts, with V8's compiled code of them in
 * dist/program.cache. Code of another Node.js, of other V8 flags or another pack is not used; the scripts are then compiled.
 * scripts/build-bundle.js makes the files; docs/adr/0023-bundle-and-code-cache.md says why.
 */
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');
const { Pack } = require('./pack.cjs');
const { scriptName, showSources } = require('./stack.cjs');

const DIST = join(__dirname, '..');

/** Modules of Node.js that are loaded when they are first used: each takes milliseconds, and most commands need none. */
const LATER = new Set(
  'child_process crypto dgram dns http http2 https module net readline stream/consumers stream/promises tls tty v8 worker_threads zlib'.split(
    ' ',
  ),
);

const scripts = Pack.open(join(DIST, 'program.pack')) ?? missing();
const compiled = Pack.open(join(DIST, 'program.cache'));
const isUsable =
  compiled !== null && compiled.about === `${scripts.about} ${process.version} ${process.arch}`;
showSources(DIST);

/** @type {Map<string, { exports: any }>} */
const loaded = new Map();
/** @type {Map<string, object>} */
const later = new Map();

/** @param {string} name */
function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const source = (scripts.read(name) ?? missing()).toString('latin1');
  const cachedData = (isUsable && compiled.has(name) ? compiled.read(name) : null) ?? undefined;
  const script = new Script(source, { filename: scriptName(name), lineOffset: -1, cachedData });
  script.runInThisContext()(module.exports, load_, module, join(DIST, name), DIST, fileUrl);
  return module.exports;
}

/** `require` of the scripts. @param {string} id */
function load_(id) {
  if (id.startsWith('./')) return load(id.slice(2));
  return LATER.has(id.replace(/^node:/, '')) ? whenUsed(id) : require(id);
}

/** @returns {never} */
function missing() {
  process.stderr.write('knat: dist/program.pack is missing or damaged: build or install knat again\n');
  process.exit(70);
}

/** `import.meta.url` of a module. @param {string} place relative to dist */
function fileUrl(place) {
  return pathToFileURL(join(DIST, place)).href;
}

/** @param {string} id */
function whenUsed(id) {
  const known = later.get(id);
  if (known !== undefined) return known;
  const made = new Proxy(
    {},
    {
      get: (_, name) => require(id)[name],
      has: (_, name) => name in require(id),
      ownKeys: () => Reflect.ownKeys(require(id)),
      getOwnPropertyDescriptor: (_, name) => {
        const found = Object.getOwnPropertyDescriptor(require(id), name);
        return found === undefined ? undefined : { ...found, configurable: true };
      },
    },
  );
  later.set(id, made);
  return made;
}

load('main.cjs');
