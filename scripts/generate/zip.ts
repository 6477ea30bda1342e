import { inflateRawSync } from 'node:zlib';

/** APPNOTE.TXT of the ZIP format: the records that reading needs. All numbers are little-endian. */
const END = { signature: 0x06054b50, length: 22, entries: 10, directory: 16 } as const;
const ENTRY = {
  signature: 0x02014b50,
  length: 46,
  method: 10,
  packed: 20,
  size: 24,
  name: 28,
  extra: 30,
  comment: 32,
  offset: 42,
} as const;
const LOCAL = { signature: 0x04034b50, length: 30, name: 26, extra: 28 } as const;
const STORED = 0;
const DEFLATED = 8;

/** One file of a ZIP archive; archives above 4 GiB and encrypted ones are not read. Throws when there is none. */
export function readZipEntry(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + END.length > archive.length) throw new Error('this is no ZIP archive');
  let at = archive.readUInt32LE(end + END.directory);
  for (let left = archive.readUInt16LE(end + END.entries); left > 0; left--) {
    if (archive.readUInt32LE(at) !== ENTRY.signature)
      throw new Error('the directory of the archive is broken');
    const nameLength = archive.readUInt16LE(at + ENTRY.name);
    const start = at + ENTRY.length;
    if (archive.toString('utf8', start, start + nameLength) === name) return unpack(archive, at);
    at =
      start + nameLength + archive.readUInt16LE(at + ENTRY.extra) + archive.readUInt16LE(at + ENTRY.comment);
  }
  throw new Error(`the archive holds no ${name}`);
}

function unpack(archive: Buffer, entry: number): Buffer {
  const local = archive.readUInt32LE(entry + ENTRY.offset);
  if (archive.readUInt32LE(local) !== LOCAL.signature) throw new Error('the archive is broken');
  const start =
    local +
    LOCAL.length +
    archive.readUInt16LE(local + LOCAL.name) +
    archive.readUInt16LE(local + LOCAL.extra);
  const packed = archive.subarray(start, start + archive.readUInt32LE(entry + ENTRY.packed));
  const method = archive.readUInt16LE(entry + ENTRY.method);
  if (method !== STORED && method !== DEFLATED) throw new Error(`packing method ${method} is not known`);
  const bytes = method === STORED ? packed : inflateRawSync(packed);
  if (bytes.length !== archive.readUInt32LE(entry + ENTRY.size)) throw new Error('the archive is broken');
  return bytes;
}
