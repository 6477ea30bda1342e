import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FaultKind } from '../fault.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';

/** What stands at the path of a manifest for a while. None of them says that its objects are gone. */
const replacements: Readonly<Record<string, (path: string, text: string) => void>> = {
  'its first half': (path, text) => writeFileSync(path, text.slice(0, text.length / 2)),
  nothing: (path) => writeFileSync(path, ''),
  'no UTF-8': (path) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0xfe, 0x00])),
  'no manifest': (path) => writeFileSync(path, '{"kind": ["Service"], "metadata": 7}'),
  'a fifo': (path) => execFileSync('mkfifo', [path]),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to nothing': (path) => symlinkSync('/nowhere/at/all', path),
  'a link to an endless device': (path) => symlinkSync('/dev/zero', path),
  'a file without end': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
  },
  '30 MiB of spaces': (path) => {
    writeFileSync(path, '');
    for (let i = 0; i < 30; i++) appendFileSync(path, ' '.repeat(2 ** 20));
  },
};

/** A manifest is for a while something that cannot be read. */
export const files: FaultKind = {
  name: 'files',
  source: 'folder',
  async run(world, random) {
    const folder = folderOf(world);
    const name = random.pick(readdirSync(folder).sort());
    const how = random.pick(Object.keys(replacements));
    const delay = random.pick([0, 50, 400, 1500]);
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    const emptied = how === 'nothing';
    rmSync(path);
    try {
      replacements[how]?.(path, text);
      await world.pause(delay);
    } finally {
      replace(path, text, random);
    }
    await world.change(random);
    // An empty file is a folder's way to say that there is no object.
    return { dials: emptied ? 'anything' : 'none', note: `${name}: ${how}, ${delay} ms` };
  },
};

/** Writes the file as it was: as a whole, or in two pieces with a pause. */
function replace(path: string, text: string, random: Random): void {
  const next = `${path}.next`;
  writeFileSync(next, text);
  rmSync(path, { recursive: true, force: true });
  if (random.below(2) === 0) {
    renameSync(next, path);
    return;
  }
  rmSync(next);
  const middle = random.below(text.length);
  writeFileSync(path, text.slice(0, middle));
  appendFileSync(path, text.slice(middle));
}

/** The folder that the agent watches. */
export function folderOf({ store }: World): string {
  const [, source = ''] = store.agentArgs;
  return source.replace(/^dir:/, '');
}

/** The folder of manifests is moved away while the agent runs, and comes back. */
export const folderAway: FaultKind = {
  name: 'folder away',
  source: 'folder',
  async run(world, random) {
    const folder = folderOf(world);
    const delay = random.pick([0, 300, 1500]);
    renameSync(folder, `${folder}.away`);
    try {
      await world.pause(delay);
    } finally {
      renameSync(`${folder}.away`, folder);
    }
    await world.change(random);
    return { dials: 'none', note: `${delay} ms` };
  },
};
