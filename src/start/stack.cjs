'use strict';
/** Stack traces name the lines of the TypeScript sources; their maps are read when a stack is first printed. */
const { join } = require('node:path');
const { Pack } = require('./pack.cjs');

/** Compiled code keeps the name that its script had at the build, so the name says nothing of the folder. */
const SCRIPTS = 'dist/';

/**
 * What V8 calls a script of the pack.
 *
 * @param {string} name
 */
function scriptName(name) {
  return `${SCRIPTS}${name}`;
}

/** @param {string} dist */
function showSources(dist) {
  /** @type {import('./pack.cjs').Pack | null | undefined} */
  let maps;
  /** @type {Map<string, import('node:module').SourceMap | null>} */
  const known = new Map();

  /** @param {string} name */
  const mapOf = (name) => {
    maps ??= Pack.open(join(dist, 'program.maps'));
    let map = known.get(name);
    if (map === undefined) {
      const { SourceMap } = require('node:module');
      const bytes = maps?.has(name) ? maps.read(name) : null;
      map = bytes == null ? null : new SourceMap(JSON.parse(bytes.toString('utf8')));
      known.set(name, map);
    }
    return map;
  };

  /** @param {NodeJS.CallSite} site */
  const lineOf = (site) => {
    const text = String(site);
    const file = site.getFileName();
    const line = site.getLineNumber();
    const column = site.getColumnNumber();
    if (file == null || line === null || column === null || !file.startsWith(SCRIPTS)) return text;
    const entry = mapOf(file.slice(SCRIPTS.length))?.findEntry(line - 1, column - 1);
    if (entry === undefined || !('originalSource' in entry)) return text;
    const place = `${join(dist, entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    return text.replace(`${file}:${line}:${column}`, place);
  };

  Error.prepareStackTrace = (error, sites) => {
    try {
      return [String(error), ...sites.map((site) => `    at ${lineOf(site)}`)].join('\n');
    } catch {
      return [String(error), ...sites.map((site) => `    at ${site}`)].join('\n');
    }
  };
}

module.exports = { scriptName, showSources };
