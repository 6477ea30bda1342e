import type { z } from 'zod';
import { didYouMean } from '../../base/did-you-mean.ts';
import type { ManifestRoot } from './manifest-root.ts';

/** One thing that a schema refuses in a file. */
export interface SchemaError {
  /** The way to the field. */
  readonly steps: readonly (string | number)[];
  readonly message: string;
  readonly isUnknownKey: boolean;
}

/**
 * What a schema refused: each unknown key by itself; of a union the branch that got furthest.
 *
 * @param hint what to write instead of an unknown key, which is a key of what stands at `steps`
 */
export function schemaErrors(
  issues: readonly z.core.$ZodIssue[],
  hint: (key: string, steps: SchemaError['steps']) => string,
): SchemaError[] {
  return issues.flatMap((issue) => {
    const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        return { steps: [...steps, key], message: `unknown key: ${hint(key, steps)}`, isUnknownKey: true };
      });
    }
    const inner =
      issue.code === 'invalid_union' ? issue.errors.flat().find(({ code }) => code === 'custom') : undefined;
    if (inner !== undefined) return schemaErrors([{ ...inner, path: [...steps, ...inner.path] }], hint);
    return [{ steps, message: issue.message, isUnknownKey: false }];
  });
}

/** The errors as lines for people, in the order of the file: `FILE:12: steps.0.port: MESSAGE`. */
export function errorLines(errors: readonly SchemaError[], root: ManifestRoot, filename: string): string[] {
  return errors
    .map(({ steps, message }) => ({ line: root.lineOf(steps), path: steps.join('.'), message }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, path, message }) => `${filename}:${line}: ${path === '' ? '' : `${path}: `}${message}`);
}

/** The hint for an unknown key: a similar known key, else all known keys. */
export function keyHint(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return meant === null ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`;
}
