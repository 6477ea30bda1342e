const PROGRAM_HEADERS = { at: 0x20, size: 0x36, count: 0x38 };
const SECTION_HEADERS = { at: 0x28, count: 0x3c, names: 0x3e };

/**
 * A 64-bit little-endian ELF program or library without its section headers and what only they point to: symbols for
 * debuggers. The kernel and the dynamic loader read segments alone (elf(5)). Throws Error when it is no such file.
 */
export function withoutSymbols(file: Buffer): Buffer {
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new Error('this is not a 64-bit little-endian ELF file');
  }
  const start = Number(file.readBigUInt64LE(PROGRAM_HEADERS.at));
  const size = file.readUInt16LE(PROGRAM_HEADERS.size);
  const count = file.readUInt16LE(PROGRAM_HEADERS.count);
  let end = start + size * count;
  for (let index = 0; index < count; index++) {
    const header = start + size * index;
    const offset = Number(file.readBigUInt64LE(header + 0x08));
    const length = Number(file.readBigUInt64LE(header + 0x20));
    end = Math.max(end, offset + length);
  }
  if (end > file.length) throw new Error('the ELF file is cut off');
  const kept = Buffer.from(file.subarray(0, end));
  kept.writeBigUInt64LE(0n, SECTION_HEADERS.at);
  kept.writeUInt16LE(0, SECTION_HEADERS.count);
  kept.writeUInt16LE(0, SECTION_HEADERS.names);
  return kept;
}
