import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 512;

/** One entry of an archive; its owner is root. */
export type Entry =
  | { readonly path: string; readonly kind: 'folder'; readonly mode: number }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  | { readonly path: string; readonly kind: 'file'; readonly mode: number; readonly bytes: Buffer };

const TYPES = { file: '0', link: '2', folder: '5' } as const;

/** Everything below a folder, in the order of the paths' bytes, so that the same files are the same archive. */
export function entriesOf(root: string): Entry[] {
  const entries: Entry[] = [];
  const visit = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const full = join(root, path);
      const status = lstatSync(full);
      const mode = status.mode & 0o7777;
      if (status.isSymbolicLink()) entries.push({ path, kind: 'link', target: readlinkSync(full) });
      else if (status.isFile()) entries.push({ path, kind: 'file', mode, bytes: readFileSync(full) });
      else if (status.isDirectory()) {
        entries.push({ path, kind: 'folder', mode });
        visit(path);
      } else throw new Error(`${full} is neither a file, a folder nor a symbolic link`);
    }
  };
  visit('');
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/**
 * A POSIX ustar archive (pax(1)) with root as every owner.
 * @param time of every entry, seconds of Unix time
 */
export function tarOf(entries: Iterable<Entry>, time: number): Buffer {
  const pieces: Buffer[] = [];
  for (const entry of entries) {
    pieces.push(header(entry, time));
    if (entry.kind !== 'file') continue;
    pieces.push(entry.bytes, Buffer.alloc(-entry.bytes.length & (BLOCK - 1)));
  }
  pieces.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(pieces);
}

function header(entry: Entry, time: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const [prefix, name] = splitPath(entry.kind === 'folder' ? `${entry.path}/` : entry.path);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at);
  block.write(name, 0);
  octal(entry.kind === 'link' ? 0o777 : entry.mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(entry.kind === 'file' ? entry.bytes.length : 0, 124, 11);
  octal(time, 136, 11);
  block.write(TYPES[entry.kind], 156);
  if (entry.kind === 'link') {
    if (Buffer.byteLength(entry.target) > 100)
      throw new Error(`${entry.path}: the link's target is too long`);
    block.write(entry.target, 157);
  }
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

/** A path as prefix of at most 155 bytes and name of at most 100. Throws Error when there is none. */
function splitPath(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name === '') break;
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return [prefix, name];
  }
  throw new Error(`${path} is too long for a tar archive`);
}
