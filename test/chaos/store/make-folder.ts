import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder; the caller removes it. */
export function makeFolder(what: string): string {
  return mkdtempSync(join(tmpdir(), `knat-chaos-${what}-`));
}
