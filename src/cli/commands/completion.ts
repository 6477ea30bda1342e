import { CliError } from '../cli-error.ts';
import { SHELLS, type Shell, scripts } from '../completion/scripts.ts';
import type { Context } from '../context.ts';

/** `knat completion SHELL`: prints what the shell reads. */
export async function completion(context: Context, shell: string): Promise<void> {
  if (!isShell(shell)) {
    throw new CliError('KNAT_USAGE', `"${shell}" is none of ${SHELLS.join(', ')}`);
  }
  context.terminal.printBlock(scripts[shell].trimEnd());
}

function isShell(text: string): text is Shell {
  return SHELLS.some((shell) => shell === text);
}
