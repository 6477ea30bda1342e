/** How the built program is started: from its bundle, with code that V8 compiled before, or without it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const EXPLAIN = 'explain --source dir:examples/demo --node node1 --from 10.244.1.10 --to 198.51.100.10:443';

let place = '';
let hook = '';

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'knat-start-'));
  hook = join(place, 'hook.cjs');
  // What the program loaded, as the last line of standard error.
  writeFileSync(
    hook,
    `const vm = require('node:vm');
const { basename } = require('node:path');
const scripts = {};
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const name = basename(options?.filename ?? '').replace(/-.{8}\\.cjs$/, '');
    scripts[name] = this.cachedDataRejected === false ? 'taken' : 'compiled';
  }
};
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const modules = process.moduleLoadList.filter((name) => !before.has(name)).map((name) => name.replace('NativeModule ', ''));
  require('node:fs').writeSync(2, '\\n' + JSON.stringify({ scripts, modules }));
});
`,
  );
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Start {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
  readonly scripts: Readonly<Record<string, 'taken' | 'compiled'>>;
  readonly modules: readonly string[];
}

function start(words: string, root = REPOSITORY): Start {
  const { status, stdout, stderr } = spawnSync(join(root, 'bin/knat'), words.split(' '), {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, NODE_OPTIONS: `--require ${hook}` },
  });
  const errors = stderr.split('\n');
  return { status, output: stdout, ...JSON.parse(errors.pop() ?? ''), errors: errors.join('\n') };
}

/** The built program at another place, where its files can be changed. */
function installed(name: string): string {
  const root = join(place, name);
  for (const each of ['bin', 'package.json', 'dist/start', 'dist/program.pack', 'dist/program.cache']) {
    cpSync(join(REPOSITORY, each), join(root, each), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  return root;
}

test.each([EXPLAIN, 'version'])('%s: V8 takes all code that was compiled at the build', (words) => {
  const { status, scripts } = start(words);
  expect(status).toBe(0);
  expect(scripts).toHaveProperty('main.cjs', 'taken');
  expect(Object.entries(scripts).filter(([, how]) => how !== 'taken')).toEqual([]);
});

test('a command loads only what it needs', () => {
  const version = start('version');
  expect(Object.keys(version.scripts).length).toBeLessThan(20);
  for (const name of ['crypto', 'http', 'tls', 'fs/promises']) expect(version.modules).not.toContain(name);
  const explain = start(EXPLAIN);
  expect(
    Object.keys(explain.scripts).filter((name) => /schemas|zod|koffi|chokidar|width|watch/.test(name)),
  ).toEqual([]);
  for (const name of ['crypto', 'http', 'tls', 'child_process']) expect(explain.modules).not.toContain(name);
});

test.each<readonly [string, (cache: string) => void]>([
  ['is missing', (cache) => rmSync(cache)],
  ['is empty', (cache) => truncateSync(cache)],
  ['was not written to its end', (cache) => truncateSync(cache, readFileSync(cache).length - 1_000)],
  ['has zeros instead of its content', zeroContent],
  ['is something else', (cache) => writeFileSync(cache, 'nonsense\n'.repeat(10_000))],
  [
    'is of another Node.js',
    (cache) => replace(cache, process.version, 'v0.0.0'.padEnd(process.version.length, '0')),
  ],
  ['is of another pack', (cache) => replace(cache, '{"about":"', '{"about":"X', 1)],
])('compiled code that %s is not used, and nobody notices', (name, spoil) => {
  const root = installed(name.replaceAll(' ', '-'));
  spoil(join(root, 'dist/program.cache'));
  const { status, output, errors, scripts } = start(EXPLAIN, root);
  expect([status, errors]).toEqual([0, '']);
  expect(output).toBe(start(EXPLAIN).output);
  expect(new Set(Object.values(scripts))).toEqual(new Set(['compiled']));
});

test('with other flags of V8 the code is compiled anew', () => {
  const root = installed('other-flags');
  replace(join(root, 'bin/knat'), 'size=2', 'size=3');
  const { status, scripts } = start('version', root);
  expect([status, scripts['main.cjs']]).toEqual([0, 'compiled']);
});

test.each<readonly [string, (pack: string) => void]>([
  ['cut off', (pack) => truncateSync(pack, 5_000)],
  ['zeros instead of its content', zeroContent],
])('a damaged bundle is named: %s', (name, spoil) => {
  const root = installed(`damaged-${name.replaceAll(' ', '-')}`);
  spoil(join(root, 'dist/program.pack'));
  const { status, stderr } = spawnSync(join(root, 'bin/knat'), ['version'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([
    70,
    'knat: dist/program.pack is missing or damaged: build or install knat again\n',
  ]);
});

test('stack traces name the lines of the sources', () => {
  const { output, errors } = start(
    'explain --source dir:/nowhere --node a --from 10.0.0.1 --to 10.0.0.2 --log-level debug',
  );
  expect(output).toBe('');
  const line = /at (\/.*\/src\/sources\/dir\/errors\.ts):(\d+):/.exec(errors);
  const [, file = '', number = ''] = line ?? [];
  expect(readFileSync(file, 'utf8').split('\n')[Number(number) - 1]).toContain('new SourceError(');
});

test('stack traces name the lines of the sources also when the program stands elsewhere than at its build', () => {
  const root = installed('moved');
  cpSync(join(REPOSITORY, 'dist/program.maps'), join(root, 'dist/program.maps'));
  const { errors, scripts } = start('explain --log-level debug', root);
  expect(scripts).toHaveProperty('main.cjs', 'taken');
  expect(errors).toContain(`(${root}/src/cli/commands/explain.ts:`);
  rmSync(join(root, 'dist/program.maps'));
  expect(start('explain --log-level debug', root).errors).toMatch(/\(dist\/explain-.{8}\.cjs:1:\d+\)/);
});

/** Keeps the length of the file, unless told otherwise. */
/** The first line and the length stay, as after a crash of the host. */
function zeroContent(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0, bytes.indexOf(10) + 1));
}

function replace(path: string, from: string, to: string, drop = 0): void {
  const text = readFileSync(path, 'latin1');
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  const changed = text.replace(from, to);
  writeFileSync(path, drop === 0 ? changed : changed.slice(0, -drop), 'latin1');
}
