/**
 * Builds the page into dist/ui, unless dist/ui was made from the same sources: `npm run build` is part of every
 * test run, and most of these do not touch the page.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../', import.meta.url));
const mark = join(repository, 'dist/ui/.made-from');

/** @param {string} folder */
function filesIn(folder) {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const sources = [...filesIn('ui'), join(repository, 'package-lock.json')].sort();
const hash = createHash('sha256');
for (const source of sources) hash.update(source.slice(repository.length)).update(readFileSync(source));
const digest = hash.digest('hex');

if (!existsSync(mark) || readFileSync(mark, 'utf8') !== digest) {
  const { build } = await import('vite');
  await build({ configFile: join(repository, 'ui/vite.config.ts'), logLevel: 'warn' });
  writeFileSync(mark, digest);
}
