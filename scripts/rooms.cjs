/**
 * Reads the rooms of the code from the tables of ARCHITECTURE.md: .dependency-cruiser.cjs makes its rules of them, and
 * test/repository/rooms.test.ts compares them with the existing files.
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const TABLES = [
  { heading: '## The rooms', base: 'src/' },
  { heading: '## Beside the program', base: '' },
];

/**
 * @typedef {object} Room
 * @property {string} name as the table has it: a folder, a file, or a pattern
 * @property {string} path the same from the root of the repository
 * @property {string} files which files belong to it, as a regular expression
 * @property {readonly string[]} may what it may import besides its own files, as paths from the root
 * @property {boolean} isPure no clock, no randomness, no environment
 * @property {readonly string[] | null} libraries npm packages and `Node.js`; null: any
 */

/** @returns {readonly Room[]} */
function readRooms() {
  const text = readFileSync(join(__dirname, '../ARCHITECTURE.md'), 'utf8');
  return TABLES.flatMap(({ heading, base }) => {
    const [, section = ''] = text.split(`${heading}\n`);
    const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
    if (rows.length === 0) throw new Error(`ARCHITECTURE.md has no table under "${heading}"`);
    return rows.map((row) => roomOf(row, base));
  });
}

/**
 * @param {string} row `| name | purpose | may import | libraries |`
 * @param {string} base what comes before a name of this table
 * @returns {Room}
 */
function roomOf(row, base) {
  const [, name = '', , may = '', libraries] = row.split('|').map((cell) => cell.replaceAll('`', '').trim());
  const path = `${base}${name}`;
  return {
    name,
    path,
    files: expressionOf(path),
    may: may === 'nothing' ? [] : may.split(', ').map((other) => `${base}${other}`),
    isPure: libraries === 'pure',
    libraries:
      base === ''
        ? null
        : libraries === 'pure' || libraries === 'none'
          ? []
          : (libraries?.split(', ') ?? null),
  };
}

// `src/net` is a folder with everything in it, `sources/*.ts` the files directly in a folder, `**/*` those in any folder below.
/** @param {string} path */
function expressionOf(path) {
  const words = { '.': '\\.', '*': '[^/]*', '**/*': '.*' };
  const isFile = /\.[a-z]+$/.test(path);
  const expression = path.replace(
    /\*\*\/\*|[.*]/g,
    (sign) => words[/** @type {keyof typeof words} */ (sign)],
  );
  return `^${expression}${isFile ? '$' : '/'}`;
}

module.exports = { readRooms, expressionOf };
