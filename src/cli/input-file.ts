import { readFile } from 'node:fs/promises';
import { explainErrno } from '../sources/dir/errors.ts';
import { CliError } from './cli-error.ts';

/** The text of a file that an option names. Throws CliError; `what` is the file's part: `the node configuration`. */
export async function readInputFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `${what} ${path} ${explainErrno(error)}`;
    throw new CliError('KNAT_CONFIG_UNREADABLE', message, [], { cause: error });
  }
}
