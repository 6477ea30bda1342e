/**
 * What is left of a lab, however its owner ends. The owners are processes of their own, which run the lab as it is
 * built for the product.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { run } from './command.ts';
import { Lab } from './lab.ts';
import { removeStale } from './removal.ts';

/** Makes a lab of two hosts with a probe and a program in one of them, and a second lab; says so, and lives on. */
const OWNER = `
  import { Lab } from './lab/lab.js';
  const lab = new Lab('knat-test');
  const [left, right] = await lab.addHosts(['left', 'right']);
  await left.ip(['link add toright type veth peer name toleft netns ' + right.namespace]);
  await left.probe().serve({ port: 80, protocol: 'TCP' });
  await new Lab('knat-test').addHosts(['alone']);
  const program = left.spawn(['sleep', '600'], { stdio: 'ignore', detached: true });
  console.log(JSON.stringify({ labs: lab.name.slice(0, -1), program: program.pid }));
  process.stdin.on('data', () => { throw new Error('as told'); });
`;

interface Owner {
  readonly process: ChildProcess;
  /** What its two labs' names begin with. */
  readonly labs: string;
  /** A program that it left running in there. */
  readonly program: number;
}

let folder: string;
const owners: Owner[] = [];

beforeAll(() => {
  removeStale('knat-test');
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  for (const room of ['lab', 'lab/probe-process', 'net']) buildRoom(room);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'owner.js'), OWNER);
});

afterEach(async () => {
  for (const owner of owners.splice(0)) {
    if (owner.process.exitCode === null && owner.process.signalCode === null) await end(owner, 'SIGKILL');
  }
  removeStale('knat-test');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a disposed lab leaves nothing behind, and nothing was ever to be seen outside', async () => {
  const linksBefore = await run(['ip', '-oneline', 'link']);
  const lab = new Lab('knat-test');
  const [left, right] = await lab.addHosts(['left', 'right']);
  if (!left || !right) throw new Error('no hosts');
  await left.ip([`link add toright type veth peer name toleft netns ${right.namespace}`]);
  const program = left.spawn(['sleep', '600'], { stdio: 'ignore' });
  await left.probe().serve({ port: 80, protocol: 'TCP' });
  expect(namespacesOf(lab.name)).toHaveLength(2);
  expect(await run(['ip', '-oneline', 'link'])).toBe(linksBefore);

  lab.dispose();

  expect(namespacesOf(lab.name)).toEqual([]);
  await expect.poll(() => program.signalCode).toBe('SIGKILL');
  await expect(left.probe().silence()).rejects.toThrow('probe in left: ended with SIGKILL');
  expect(existsSync(`/etc/netns/${left.namespace}`)).toBe(false);
  lab.dispose();
});

test('after SIGKILL, the next run removes the lab and ends the programs in it', async () => {
  const owner = await startOwner();
  await end(owner, 'SIGKILL');
  expect(namespacesOf(owner.labs)).toHaveLength(3);
  expect(isRunning(owner.program)).toBe(true);

  const removed = removeStale('knat-test');

  const namespaces = ['1-left', '1-right', '2-alone'].map((rest) => `${owner.labs}${rest}`);
  expect(removed).toEqual(expect.arrayContaining(namespaces));
  expect(namespacesOf(owner.labs)).toEqual([]);
  expect(isRunning(owner.program)).toBe(false);
});

test('the lab of another process that lives stays', async () => {
  const owner = await startOwner();
  removeStale('knat-test');
  expect(namespacesOf(owner.labs)).toHaveLength(3);
  expect(isRunning(owner.program)).toBe(true);
});

test('a lab of another prefix stays, even when its owner is dead', async () => {
  const owner = await startOwner();
  await end(owner, 'SIGKILL');
  removeStale('knat-demo');
  expect(namespacesOf(owner.labs)).toHaveLength(3);
});

test.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)('%s takes the lab along', async (signal) => {
  const owner = await startOwner();
  await end(owner, signal);
  expect(owner.process.signalCode).toBe(signal);
  expect(namespacesOf(owner.labs)).toEqual([]);
  expect(isRunning(owner.program)).toBe(false);
});

test('an uncaught exception takes the lab along', async () => {
  const owner = await startOwner();
  owner.process.stdin?.write('throw\n');
  await once(owner.process, 'close');
  expect(owner.process.exitCode).toBe(1);
  expect(namespacesOf(owner.labs)).toEqual([]);
  expect(isRunning(owner.program)).toBe(false);
});

async function startOwner(): Promise<Owner> {
  const child = spawn(process.execPath, [join(folder, 'owner.js')], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')]);
  const owner: Owner = { process: child, ...JSON.parse(String(said[0])) };
  owners.push(owner);
  return owner;
}

async function end({ process: child }: Owner, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

function namespacesOf(lab: string): readonly string[] {
  return readdirSync('/run/netns').filter((name) => name.startsWith(lab));
}

/** True for a program that runs; its parent being gone, init may take a while to clear its zombie away. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Compiles one folder of the sources as the build does, without checking types. */
function buildRoom(room: string): void {
  const from = fileURLToPath(new URL(`../${room}/`, import.meta.url));
  mkdirSync(join(folder, room), { recursive: true });
  for (const name of readdirSync(from).filter((name) => /(?<!\.test)\.(ts|js)$/.test(name))) {
    const { outputText } = ts.transpileModule(readFileSync(join(from, name), 'utf8'), {
      fileName: name,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        rewriteRelativeImportExtensions: true,
        verbatimModuleSyntax: true,
        allowJs: true,
      },
    });
    writeFileSync(join(folder, room, name.replace(/\.ts$/, '.js')), outputText);
  }
}
