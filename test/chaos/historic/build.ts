import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Bug } from './bugs.ts';

/** What a copy has of its own; the rest of the checkout is linked. */
const COPIED: readonly string[] = ['src', 'scripts'];
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '.tmp', 'dist', ...COPIED]);

/** Builds the program with the bug in a folder of its own; the machine runs there. Returns the folder. */
export function buildWith({ name, edits }: Pick<Bug, 'name' | 'edits'>): string {
  const folder = resolve('.tmp/historic', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync('.')) {
    if (!LEFT_OUT.has(entry)) symlinkSync(resolve(entry), join(folder, entry));
  }
  for (const part of COPIED) cpSync(part, join(folder, part), { recursive: true });
  for (const { file, from, to } of edits) edit(join(folder, 'src', file), from, to);
  mkdirSync(join(folder, 'dist'));
  cpSync('dist/start', join(folder, 'dist/start'), { recursive: true });
  execFileSync(process.execPath, [join(folder, 'scripts/build-bundle.js')], { cwd: folder, stdio: 'pipe' });
  return folder;
}

/** Throws when the text is not there exactly once: the bug has to be put back in another way. */
function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${path} has not once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
}
