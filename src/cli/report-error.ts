import { printable, printableLines } from '../model/printable.ts';
import { errorCodes } from './error-codes.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** How an error ends a command: what to print, without a line end, and the exit status. */
export interface ErrorReport {
  readonly text: string;
  readonly exit: ExitCode;
}

/** One message for a person: what is wrong, where, what to do. With `debug` the stack and the causes too. */
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

/** What to do about an error, without its message. */
export function remedyOf(error: unknown): string {
  return (errorCodes.get(codeOf(error)) ?? errorCodes.get('KNAT_INTERNAL'))?.remedy ?? '';
}

/** The `KNAT_…` code of an error; KNAT_INTERNAL where it has none, as errors of Node.js and of libraries. */
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
