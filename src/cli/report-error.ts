import { printable, printableLines } from '../model/printable.ts';
import { errorCodes } from './error-codes.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** What to print, without a line end, and the exit status. */
export interface ErrorReport {
  readonly text: string;
  readonly exit: ExitCode;
}

/** What is wrong, where, and what to do. `debug` adds the stack and the causes. */
export function reportError(error: unknown, debug: boolean): ErrorReport {
  const code = codeOf(error);
  const known = errorCodes.get(code) ?? errorCodes.get('KNAT_INTERNAL');
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`knat: ${message} (${code})`, ...detailsOf(error).map((line) => `  ${line}`)];
  if (known !== undefined) lines.push(`  ${known.remedy}`);
  const shown = lines.map(printable);
  if (debug) shown.push(...stacks(error).map(printableLines));
  return { text: shown.join('\n'), exit: known?.exit ?? EXIT.internal };
}

export function remedyOf(error: unknown): string {
  return (errorCodes.get(codeOf(error)) ?? errorCodes.get('KNAT_INTERNAL'))?.remedy ?? '';
}

/** KNAT_INTERNAL for errors without a code of ours, as those of Node.js and libraries. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && errorCodes.has(code) ? code : 'KNAT_INTERNAL';
}

function detailsOf(error: unknown): readonly string[] {
  if (!(error instanceof Error) || !('details' in error) || !Array.isArray(error.details)) return [];
  return error.details.map(String);
}

function stacks(error: unknown): string[] {
  const lines: string[] = [];
  for (let each = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    lines.push(each.stack ?? each.message);
  }
  return lines;
}
