'use strict';
/**
 * A file with named parts: its first line is JSON, `{"about", "length", "parts": {NAME: [offset, length, CRC-32]}}`, offsets
 * counted from the end of that line. It is replaced as a whole, and a process reads the file that it opened, also after an upgrade.
 */
const { closeSync, fstatSync, openSync, readSync } = require('node:fs');
const { crc32 } = require('node:zlib');

/** Bytes that are read first; the first line is rarely longer. */
const FIRST = 16_384;

class Pack {
  #file;
  #start;
  #parts;

  /**
   * Null if the file is missing, or is not whole.
   *
   * @param {string} path
   */
  static open(path) {
    let file;
    try {
      file = openSync(path, 'r');
    } catch {
      return null;
    }
    try {
      const { size } = fstatSync(file);
      const line = firstLine(file, size);
      const { about, length, parts } = JSON.parse(line.toString('latin1'));
      if (line.length + 1 + length === size) return new Pack(file, line.length + 1, about, parts);
    } catch {
      // Not one of ours.
    }
    closeSync(file);
    return null;
  }

  /**
   * @param {number} file
   * @param {number} start
   * @param {string} about
   * @param {Record<string, [number, number, number]>} parts
   */
  constructor(file, start, about, parts) {
    this.#file = file;
    this.#start = start;
    this.#parts = parts;
    /** What the maker says of it. */
    this.about = about;
  }

  names() {
    return Object.keys(this.#parts);
  }

  /** @param {string} name */
  has(name) {
    return Object.hasOwn(this.#parts, name);
  }

  /**
   * Null if the part is damaged: after a crash of the host a file may have its length, but zeros instead of its content.
   * Throws RangeError if there is no such part.
   *
   * @param {string} name
   */
  read(name) {
    const place = this.#parts[name];
    if (place === undefined) throw new RangeError(`the pack has no ${name}`);
    const [offset, length, sum] = place;
    const bytes = readAll(this.#file, this.#start + offset, length);
    return crc32(bytes) === sum ? bytes : null;
  }
}

/**
 * @param {number} file
 * @param {number} size
 */
function firstLine(file, size) {
  for (let length = FIRST; ; length *= 4) {
    const bytes = readAll(file, 0, Math.min(length, size));
    const end = bytes.indexOf(10);
    if (end !== -1) return bytes.subarray(0, end);
    if (length >= size) throw new Error('no line');
  }
}

/**
 * @param {number} file
 * @param {number} from
 * @param {number} length
 */
function readAll(file, from, length) {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, length - done, from + done);
    if (count === 0) throw new Error('the file is shorter than it says');
    done += count;
  }
  return bytes;
}

module.exports = { Pack };
