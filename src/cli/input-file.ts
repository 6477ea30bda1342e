import { readFile } from 'node:fs/promises';
import { explainErrno } from '../sources/dir/errors.ts';
import { CliError } from './cli-error.ts';

/** Throws CliError; `what` names the file in it: `the node configuration`. */
export async function readInputFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `${what} ${path} ${explainErrno(error)}`;
    throw new CliError('KNAT_CONFIG_UNREADABLE', message, [], { cause: error });
  }
}
