import { readFile } from 'node:fs/promises';
import { errnoOf, explainErrno } from './errors.ts';
import type { ScannedFile } from './scan.ts';

/** `gone`: the file was removed since the folder was scanned. */
export type FileText =
  | { readonly text: string }
  | {
      readonly code: 'KNAT_MANIFEST_TOO_LARGE' | 'KNAT_MANIFEST_UNREADABLE' | 'KNAT_MANIFEST_SYNTAX';
      readonly message: string;
    }
  | 'gone';

const MEBIBYTE = 1024 * 1024;

export async function readManifestFile(file: ScannedFile, maxBytes: number): Promise<FileText> {
  if (file.size > maxBytes) {
    const sizes = `${mebibytes(file.size)} MiB, and the limit is ${mebibytes(maxBytes)} MiB`;
    return {
      code: 'KNAT_MANIFEST_TOO_LARGE',
      message: `the file has ${sizes}: split it into several files, or raise the limit`,
    };
  }
  try {
    const bytes = await readFile(file.path);
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    if (errnoOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      return { code: 'KNAT_MANIFEST_SYNTAX', message: 'the file is no UTF-8 text: save it as UTF-8' };
    }
    if (errnoOf(error) === 'ENOENT') return 'gone';
    return { code: 'KNAT_MANIFEST_UNREADABLE', message: explainErrno(error) };
  }
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(1);
}
