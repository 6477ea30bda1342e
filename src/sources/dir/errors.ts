import { access, constants, stat } from 'node:fs/promises';
import type { Finding } from '../../model/finding.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import { SourceError } from '../source-error.ts';

/** A problem of a whole file or folder. */
export function pathProblem(code: SourceCode, path: string, message: string): Finding {
  return { code, severity: 'error', origin: path, object: null, field: '', message };
}

/** `ENOENT`, `EACCES`; empty if it is no system error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What a system error means for someone who wants to read a path. */
export function explainErrno(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'does not exist';
    case 'ENOTDIR':
      return 'is not a folder, or a part of its path is not';
    case 'EISDIR':
      return 'is a folder';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read: check its permissions';
    case 'ELOOP':
      return 'is a symbolic link that leads back to itself';
    default:
      return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Throws SourceError unless the path leads to a folder that may be listed. */
export async function requireFolder(path: string): Promise<void> {
  const stats = await stat(path).catch((error: unknown) => {
    const message = `the manifest folder ${path} ${explainErrno(error)}`;
    throw new SourceError('KNAT_FOLDER_MISSING', message, { cause: error });
  });
  if (!stats.isDirectory()) {
    throw new SourceError(
      'KNAT_FOLDER_MISSING',
      `${path} is not a folder: name the folder with the manifests`,
    );
  }
  await access(path, constants.R_OK | constants.X_OK).catch((error: unknown) => {
    const message = `the manifest folder ${path} ${explainErrno(error)}`;
    throw new SourceError('KNAT_FOLDER_UNREADABLE', message, { cause: error });
  });
}
